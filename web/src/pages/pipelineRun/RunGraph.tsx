import "@xyflow/react/dist/base.css";
import { TextInput, useComputedColorScheme } from "@mantine/core";
import {
  Background,
  Controls,
  Handle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  type Node,
  type NodeProps,
} from "@xyflow/react";
import { useMemo, useState } from "react";
import type { PipelineRunDetail, Task } from "@/api/rooms/pipelines";
import { Icon } from "@/components/Icon";
import { toneOf } from "@/components/Status";
import { duration } from "@/format/time";
import { edgesOf, HEIGHT, place, WIDTH } from "./graph";
import css from "./RunGraph.module.css";

interface Props {
  run: PipelineRunDetail;
  chosen: string | null;
  choose: (task: string) => void;
}

type Data = { task: Task; chosen: boolean };

const nodeTypes = { task: Box };
const MANY = 60;
/** Below this zoom no text can be read, and colour says how steps are. */
const READABLE = 0.4;
const USUAL_WIDTH = 1000;

/** The steps of a run as it goes on. Placed once per plan; thousands stay smooth, since only those
 * in sight are drawn. */
export function RunGraph(props: Props) {
  return (
    <ReactFlowProvider>
      <Drawn {...props} />
    </ReactFlowProvider>
  );
}

function Drawn({ run, chosen, choose }: Props) {
  const scheme = useComputedColorScheme("light");
  const far = useStore(({ transform: [, , zoom] }) => zoom < READABLE);
  const planned = run.graph.nodes.map(({ name }) => name).join("\n");
  const { edges, places } = useMemo(() => {
    const found = edgesOf(run.graph.nodes);
    return {
      edges: found,
      places: place(
        run.graph.nodes.map(({ name }) => name),
        found,
      ),
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the plan, not each new answer
  }, [planned]);
  const drawnEdges = useMemo(
    () => edges.map(({ source, target }) => ({ id: `${source} ${target}`, source, target })),
    [edges],
  );
  const nodes: Node<Data>[] = run.tasks.flatMap((task) => {
    const position = places.get(task.name);
    if (!position) return [];
    const data = { task, chosen: task.name === chosen };
    return [{ id: task.name, type: "task", position, data, width: WIDTH, height: HEIGHT }];
  });
  return (
    <>
      <Find run={run} choose={choose} places={places} />
      <div className={css.frame} style={{ height: heightOf(places) }} data-far={far || undefined}>
        <ReactFlow
          nodes={nodes}
          edges={drawnEdges}
          nodeTypes={nodeTypes}
          colorMode={scheme}
          fitView
          fitViewOptions={{ maxZoom: 1, padding: 0.1 }}
          minZoom={0.03}
          onlyRenderVisibleElements={nodes.length > MANY}
          nodesConnectable={false}
          nodesDraggable={false}
          edgesFocusable={false}
          onNodeClick={(_, node) => choose(node.id)}
          aria-label="Steps"
        >
          <Background gap={22} />
          <Controls showInteractive={false} />
        </ReactFlow>
      </div>
    </>
  );
}

function Find({
  run,
  choose,
  places,
}: Pick<Props, "run" | "choose"> & { places: ReturnType<typeof place> }) {
  const [typed, setTyped] = useState("");
  const flow = useReactFlow();
  const wanted = typed.trim().toLowerCase();
  const found = wanted
    ? run.tasks.filter((task) => `${task.name} ${task.status}`.toLowerCase().includes(wanted))
    : [];
  const show = (task: Task) => {
    const at = places.get(task.name);
    if (at) void flow.setCenter(at.x + WIDTH / 2, at.y + HEIGHT / 2, { zoom: 1, duration: 200 });
    choose(task.name);
  };
  return (
    <form
      className={css.find}
      onSubmit={(event) => {
        event.preventDefault();
        if (found[0]) show(found[0]);
      }}
    >
      <TextInput
        size="xs"
        aria-label="Find a step"
        placeholder="Find a step by name or status"
        leftSection={<Icon name="search" size={14} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {found.slice(0, 4).map((task) => (
        <button key={task.name} type="button" className={css.hit} onClick={() => show(task)}>
          {task.name}
        </button>
      ))}
      {found.length > 4 && <span className="soft">and {found.length - 4} more</span>}
    </form>
  );
}

function Box({ data: { task, chosen } }: NodeProps<Node<Data>>) {
  return (
    <div
      className={css.node}
      data-tone={task.status === "cached" ? "cached" : toneOf(task.status)}
      data-status={task.status}
      data-chosen={chosen || undefined}
      title={`${task.name}: ${task.status}`}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <span className="clip">{task.name}</span>
      <span className={css.state}>
        {task.status}
        {task.duration_ms != null && task.status !== "cached" && `, ${duration(task.duration_ms)}`}
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

function heightOf(places: ReturnType<typeof place>): number {
  const all = [...places.values()];
  const lowest = Math.max(...all.map(({ y }) => y), 0) + HEIGHT;
  const width = Math.max(...all.map(({ x }) => x), 0) + WIDTH;
  // What is wider than the page is shown smaller, and needs less height.
  return Math.min(620, Math.max(260, lowest * Math.min(1, USUAL_WIDTH / width) + 90));
}
