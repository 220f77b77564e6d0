import type { Dimension } from "@/charts/Parallel";
import type { Compared } from "./Compare";

/** Every parameter and metric of the compared runs by the id of its column. */
export function dimensionIds({ runs }: Compared): string[] {
  const params = new Set(runs.flatMap((run) => Object.keys(run.params)));
  const metrics = new Set(runs.flatMap((run) => Object.keys(run.metrics)));
  return [
    ...[...params].sort().map((key) => `params.${key}`),
    ...[...metrics].sort().map((key) => `metrics.${key}`),
  ];
}

/** A parameter or a metric with the value of each run. */
export function dimension({ runs }: Compared, id: string): Dimension {
  const dot = id.indexOf(".");
  const [kind, key] = [id.slice(0, dot), id.slice(dot + 1)];
  return {
    name: key,
    values: runs.map((run) => (kind === "metrics" ? run.metrics[key] : run.params[key]) ?? null),
  };
}

/** Those that tell the runs apart, parameters first; at most so many of each. */
export function telling(compared: Compared, most: number): string[] {
  const varied = dimensionIds(compared).filter(
    (id) => new Set(dimension(compared, id).values.map(String)).size > 1,
  );
  const of = (kind: string) => varied.filter((id) => id.startsWith(kind)).slice(0, most);
  const found = [...of("params."), ...of("metrics.").slice(0, 2)];
  return found.length > 1 ? found : dimensionIds(compared).slice(0, most);
}
