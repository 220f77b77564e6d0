import type { PipelineRunDetail } from "@/api/rooms/pipelines";

type Node = PipelineRunDetail["graph"]["nodes"][number];

export interface Edge {
  source: string;
  target: string;
}

export interface Place {
  x: number;
  y: number;
}

export const WIDTH = 190;
export const HEIGHT = 44;
const COLUMN = WIDTH + 64;
const NARROW = WIDTH + 16;
const ROW = HEIGHT + 14;
const LEAST_ROWS = 14;
/** How much wider than high a large graph should be. */
const SHAPE = 2;
const SWEEPS = 6;

/** What each node waits for: outputs it takes, conditions, and nodes that merely come first. */
export function edgesOf(nodes: readonly Node[]): Edge[] {
  const known = new Set(nodes.map(({ name }) => name));
  return nodes.flatMap((node) => {
    const needed = new Set<string>([
      ...references(node.inputs),
      ...(node.after ?? []),
      ...(node.when ?? []).map((condition) => condition.node),
    ]);
    return [...needed]
      .filter((source) => known.has(source))
      .map((source) => ({ source, target: node.name }));
  });
}

function* references(tree: unknown): Generator<string> {
  if (Array.isArray(tree)) {
    for (const item of tree) yield* references(item);
  } else if (tree !== null && typeof tree === "object") {
    const found = tree as Record<string, unknown>;
    if (found.$type === "output") yield String(found.node);
    else for (const item of Object.values(found)) yield* references(item);
  }
}

/**
 * Positions from left to right: a column for each length of the longest way to a node, and within
 * it an order in which few edges cross (sweeps of barycentres, after Sugiyama, Tagawa and Toda, 1981).
 * A thousand nodes take some milliseconds.
 */
export function place(names: readonly string[], edges: readonly Edge[]): Map<string, Place> {
  const before = adjacency(names, edges, "target", "source");
  const after = adjacency(names, edges, "source", "target");
  const columns = layered(names, before);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 0;
    const neighbours = forwards ? before : after;
    const order = forwards ? columns : [...columns].reverse();
    const rank = new Map(
      columns.flatMap((column) => column.map((name, at) => [name, at] as const)),
    );
    for (const column of order) {
      const middle = new Map(
        column.map((name) => [
          name,
          mean((neighbours.get(name) ?? []).map((n) => rank.get(n) ?? 0)),
        ]),
      );
      const key = (name: string) => middle.get(name) ?? rank.get(name) ?? 0;
      column.sort((a, b) => key(a) - key(b));
      column.forEach((name, at) => rank.set(name, at));
    }
  }
  return laidOut(columns);
}

/** Columns side by side; one that is too tall for a screen becomes several close to each other. */
function laidOut(columns: readonly string[][]): Map<string, Place> {
  const most = bestRows(columns);
  const tallest = Math.min(most, Math.max(...columns.map((column) => column.length), 1));
  const places = new Map<string, Place>();
  let left = 0;
  for (const column of columns) {
    const parts = Math.ceil(column.length / most);
    const rows = Math.ceil(column.length / parts);
    const top = ((tallest - rows) * ROW) / 2;
    column.forEach((name, at) =>
      places.set(name, { x: left + Math.floor(at / rows) * NARROW, y: top + (at % rows) * ROW }),
    );
    left += (parts - 1) * NARROW + COLUMN;
  }
  return places;
}

/** How many nodes a column may have, so that the whole is about as wide as a screen. */
function bestRows(columns: readonly string[][]): number {
  const tallest = Math.max(...columns.map((column) => column.length), LEAST_ROWS);
  let best = { rows: tallest, off: Infinity };
  for (let parts = 1; ; parts += 1) {
    const rows = Math.max(LEAST_ROWS, Math.ceil(tallest / parts));
    const width = columns.reduce(
      (sum, { length }) => sum + COLUMN + (Math.ceil(length / rows) - 1) * NARROW,
      0,
    );
    const off = Math.abs(Math.log(width / (rows * ROW) / SHAPE));
    if (off < best.off) best = { rows, off };
    if (rows === LEAST_ROWS) return best.rows;
  }
}

function layered(names: readonly string[], before: Map<string, string[]>): string[][] {
  const depth = new Map<string, number>();
  // Nodes stand after those they need, so one pass is enough.
  for (const name of names) {
    depth.set(name, Math.max(-1, ...(before.get(name) ?? []).map((n) => depth.get(n) ?? -1)) + 1);
  }
  const columns: string[][] = [];
  for (const name of names) (columns[depth.get(name) ?? 0] ??= []).push(name);
  return columns;
}

function adjacency(
  names: readonly string[],
  edges: readonly Edge[],
  from: keyof Edge,
  to: keyof Edge,
): Map<string, string[]> {
  const found = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const edge of edges) found.get(edge[from])?.push(edge[to]);
  return found;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}
