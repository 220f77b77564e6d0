export interface LineageNode {
  id: string;
  kind: string;
  label: string;
  href?: string | null;
}

export interface LineageEdge {
  source: string;
  target: string;
}

const MANY = 3;

/**
 * Nodes of one kind with the very same neighbours become one ("36 windows"), so that a year of
 * monitoring does not bury what a model was made of. The node in focus is never folded.
 */
export function fold(
  nodes: readonly LineageNode[],
  edges: readonly LineageEdge[],
  focus: string,
): { nodes: LineageNode[]; edges: LineageEdge[] } {
  const neighbours = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
  for (const { source, target } of edges) {
    neighbours.get(source)?.push(`>${target}`);
    neighbours.get(target)?.push(`<${source}`);
  }
  const alike = Map.groupBy(nodes, ({ id, kind }) =>
    id === focus ? id : `${kind} ${(neighbours.get(id) ?? []).sort().join(" ")}`,
  );
  const standIn = new Map<string, string>();
  const kept: LineageNode[] = [];
  for (const group of alike.values()) {
    const [first] = group;
    if (!first) continue;
    if (group.length <= MANY) {
      kept.push(...group);
      continue;
    }
    kept.push({ id: first.id, kind: first.kind, label: `${group.length} ${plural(first.kind)}` });
    for (const { id } of group) standIn.set(id, first.id);
  }
  const joined = new Map<string, LineageEdge>();
  for (const edge of edges) {
    const source = standIn.get(edge.source) ?? edge.source;
    const target = standIn.get(edge.target) ?? edge.target;
    joined.set(`${source} ${target}`, { source, target });
  }
  return { nodes: kept, edges: withoutShortcuts([...joined.values()]) };
}

/** Leaves out an edge where a longer way leads from its source to its target as well. */
function withoutShortcuts(edges: readonly LineageEdge[]): LineageEdge[] {
  const next = Map.groupBy(edges, (edge) => edge.source);
  const after = (from: string, reached = new Set<string>()): Set<string> => {
    for (const { target } of next.get(from) ?? []) {
      if (!reached.has(target)) after(target, reached.add(target));
    }
    return reached;
  };
  return edges.filter(
    ({ source, target }) =>
      !(next.get(source) ?? []).some(
        (way) => way.target !== target && after(way.target).has(target),
      ),
  );
}

function plural(kind: string): string {
  return `${kind.replaceAll("-", " ")}s`;
}
