import "@xyflow/react/dist/base.css";
import { useComputedColorScheme } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import {
  Background,
  Controls,
  Handle,
  MarkerType,
  Position,
  ReactFlow,
  type Node,
  type NodeProps,
} from "@xyflow/react";
import { useMemo } from "react";
import { fold, type LineageEdge, type LineageNode } from "./fold";
import { NODE_HEIGHT, place } from "./layout";
import css from "./Lineage.module.css";

interface Props {
  nodes: readonly LineageNode[];
  edges: readonly LineageEdge[];
  focus: string;
}

type Data = { node: LineageNode; here: boolean };

const LEAST_HEIGHT = 320;
const MOST_HEIGHT = 760;
const ROOM = 100;
/** Below this zoom nobody reads a label; what does not fit is a drag, or the last button, away. */
const LEGIBLE = 0.75;
const NEAR = { across: 640, down: 420 };
const nodeTypes = { thing: Thing };

/** What a thing was made of (to the left) and what came of it (to the right). */
export function LineageGraph({ nodes, edges, focus }: Props) {
  const scheme = useComputedColorScheme("light");
  const folded = useMemo(() => fold(nodes, edges, focus), [nodes, edges, focus]);
  const drawn = useMemo(() => draw(folded.nodes, folded.edges, focus), [folded, focus]);
  return (
    <>
      <div className={css.frame} style={{ height: drawn.height }}>
        <ReactFlow
          nodes={drawn.nodes}
          edges={drawn.edges}
          nodeTypes={nodeTypes}
          colorMode={scheme}
          fitView
          fitViewOptions={{ maxZoom: 1, minZoom: LEGIBLE, padding: 0.12, nodes: drawn.near }}
          minZoom={0.2}
          nodesConnectable={false}
          nodesDraggable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          aria-label="Lineage graph"
        >
          <Background gap={22} />
          <Controls showInteractive={false} fitViewOptions={{ maxZoom: 1, padding: 0.12 }} />
        </ReactFlow>
      </div>
      <details className={css.list}>
        <summary>As a list</summary>
        <ul>
          {folded.edges.map(({ source, target }) => (
            <li key={`${source} ${target}`}>
              {name(folded.nodes, target)} came of {name(folded.nodes, source)}
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

function Thing({ data }: NodeProps<Node<Data>>) {
  const { node, here } = data;
  return (
    <div className={css.node} data-kind={node.kind} data-here={here || undefined}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <span className={css.kind}>{node.kind.replaceAll("-", " ")}</span>
      <span className="clip" style={{ display: "block" }} title={node.label}>
        {node.href && !here ? <Link to={node.href}>{node.label}</Link> : node.label}
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

function draw(nodes: readonly LineageNode[], edges: readonly LineageEdge[], focus: string) {
  const places = place(
    nodes.map(({ id }) => id),
    edges,
  );
  const lowest = Math.max(...[...places.values()].map(({ y }) => y + NODE_HEIGHT));
  return {
    height: Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, lowest + ROOM)),
    nodes: nodes.map((node) => ({
      id: node.id,
      type: "thing" as const,
      position: places.get(node.id) ?? { x: 0, y: 0 },
      data: { node, here: node.id === focus },
    })),
    near: nearest(places, focus).map((id) => ({ id })),
    edges: edges.map(({ source, target }) => ({
      id: `${source} ${target}`,
      source,
      target,
      markerEnd: { type: MarkerType.ArrowClosed },
    })),
  };
}

/** The thing in question with all that stands so near to it that both are in sight and legible. */
function nearest(places: ReturnType<typeof place>, focus: string) {
  const here = places.get(focus);
  if (!here) return [...places.keys()];
  return [...places].flatMap(([id, { x, y }]) =>
    Math.abs(x - here.x) <= NEAR.across && Math.abs(y - here.y) <= NEAR.down ? [id] : [],
  );
}

function name(nodes: readonly LineageNode[], id: string): string {
  const node = nodes.find((each) => each.id === id);
  return node ? `${node.kind.replaceAll("-", " ")} ${node.label}` : id;
}
