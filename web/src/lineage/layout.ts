import { Graph, layout } from "@dagrejs/dagre";

export const NODE_WIDTH = 164;
export const NODE_HEIGHT = 50;

interface Edge {
  source: string;
  target: string;
}

/** Positions from left (sources) to right (what came of them), by node id. */
export function place(ids: readonly string[], edges: readonly Edge[]) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 44 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { source, target } of edges) graph.setEdge(source, target);
  layout(graph);
  return new Map(
    ids.map((id) => {
      const { x, y } = graph.node(id) as { x: number; y: number };
      return [id, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }] as const;
    }),
  );
}
