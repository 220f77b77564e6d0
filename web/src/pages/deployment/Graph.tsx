import { useQuery } from "@tanstack/react-query";
import { graphQuery, type Graph as Plan, type GraphNode } from "@/api/rooms/graph";
import { versionQuery } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";

const DEEPEST = 20;

interface Line {
  key: string;
  name: string;
  depth: number;
  when: string;
  does: string;
}

/** How a graph's nodes answer together; nothing where the version is a model alone. */
export function Graph(props: { project: string; model: string; version: number }) {
  const { project, model, version } = props;
  const family = useQuery(versionQuery(project, model, String(version))).data?.family;
  const plan = useQuery({
    ...graphQuery(project, model, version),
    enabled: family === "graph",
  }).data;
  if (!plan) return null;
  const answers = Object.entries(plan.outputs ?? {}).map(([name, from]) => `${name} (${from})`);
  return (
    <Panel
      title="Graph"
      note={answers.length > 0 ? `answers ${answers.join(", ")}` : `version ${version}`}
      flush
    >
      <DataTable
        label="Nodes of the graph"
        rows={linesOf(plan, "root", "", "", 0)}
        rowKey={(line) => line.key}
        columns={[
          {
            title: "Node",
            cell: (line) => (
              <span className="mono" style={{ paddingLeft: `${line.depth * 20}px` }}>
                {line.name}
              </span>
            ),
          },
          { title: "Runs", cell: (line) => line.when },
          { title: "What it does", cell: (line) => line.does },
        ]}
      />
    </Panel>
  );
}

/** A node and those below it, in the order in which they run. */
function linesOf(plan: Plan, name: string, when: string, path: string, depth: number): Line[] {
  const node = plan.nodes[name];
  if (!node || depth > DEEPEST) return [];
  const key = `${path}/${name}`;
  const below = waysOf(node).flatMap(([child, on], place) =>
    linesOf(plan, child, on, `${key}.${place}`, depth + 1),
  );
  return [{ key, name, depth, when, does: deedOf(node) }, ...below];
}

/** The nodes that a node asks, and when. */
function waysOf(node: GraphNode): [string, string][] {
  if (node.sequence) {
    return node.sequence.map((child, place) => [child, place === 0 ? "first" : "then"]);
  }
  if (node.ensemble) return node.ensemble.map((child) => [child, "with the others"]);
  if (node.splitter) {
    const total = Object.values(node.splitter).reduce((sum, weight) => sum + weight, 0);
    return Object.entries(node.splitter).map(([child, weight]) => [
      child,
      `on ${Math.round((100 * weight) / total)} % of rows`,
    ]);
  }
  const ways: [string, string][] = (node.switch ?? []).map((way) => [way.then, way.when]);
  return node.otherwise ? [...ways, [node.otherwise, "otherwise"]] : ways;
}

function deedOf(node: GraphNode): string {
  if (node.model) return `Model ${node.of ?? node.model}`;
  if (node.function) {
    return `Function ${node.function}, gives ${Object.keys(node.gives ?? {}).join(", ")}`;
  }
  if (node.sequence) return "One after the other";
  if (node.ensemble) return node.combine ? `All, combined by ${node.combine}` : "All side by side";
  if (node.splitter) return node.by ? `One of them, by ${node.by}` : "One of them, by all inputs";
  return "The first whose condition is true";
}
