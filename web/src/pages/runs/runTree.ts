import { metricNumber, type Run } from "@/api/rooms/tracking";

/** A run and the trials that it started. */
export interface RunNode {
  run: Run;
  children: RunNode[];
}

export interface RunFilter {
  text: string;
  experiment: string;
  status: string;
}

/** Runs under their parents, in the given order; a run whose parent is not here stands alone. */
export function nest(runs: readonly Run[]): RunNode[] {
  const nodes = new Map<string, RunNode>(runs.map((run) => [run.id, { run, children: [] }]));
  const roots: RunNode[] = [];
  for (const node of nodes.values()) {
    const parent = node.run.parent ? nodes.get(node.run.parent) : undefined;
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

/** The runs that match, and the parents of those that do. */
export function prune(nodes: readonly RunNode[], filter: RunFilter): RunNode[] {
  if (!filter.text && !filter.experiment && !filter.status) return [...nodes];
  return nodes.flatMap((node) => {
    const children = prune(node.children, filter);
    return matches(node.run, filter) || children.length > 0 ? [{ run: node.run, children }] : [];
  });
}

function matches(run: Run, { text, experiment, status }: RunFilter): boolean {
  if (experiment && run.experiment !== experiment) return false;
  if (status && run.status !== status) return false;
  if (!text) return true;
  const words = [
    run.name,
    run.id,
    run.experiment,
    ...Object.entries(run.params).map(([key, value]) => `${key}=${String(value)}`),
    ...Object.entries(run.tags).map(([key, value]) => `${key}=${value}`),
  ];
  return words.join(" ").toLowerCase().includes(text.toLowerCase());
}

/** A column of the table that comes from what runs log. */
export interface LoggedColumn {
  id: string;
  kind: "metric" | "param";
  key: string;
}

/** The metrics and parameters that runs share, most common first. */
export function loggedColumns(runs: readonly Run[]): LoggedColumn[] {
  const seen = (pick: (run: Run) => object) => {
    const counts = new Map<string, number>();
    for (const run of runs) {
      for (const key of Object.keys(pick(run))) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([key]) => key);
  };
  return [
    ...seen((run) => run.metrics).map((key) => ({ id: `m.${key}`, kind: "metric" as const, key })),
    ...seen((run) => run.params).map((key) => ({ id: `p.${key}`, kind: "param" as const, key })),
  ];
}

export function loggedValue(run: Run, column: LoggedColumn): number | string | undefined {
  if (column.kind === "metric") return metricNumber(run.metrics[column.key]);
  const value = run.params[column.key];
  if (value == null) return undefined;
  return typeof value === "number" ? value : String(value);
}
