import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask, get, type Schemas } from "../client";

export type Run = Schemas["Run"];

const PAGE = 1000;

/** Which metrics, parameters and tags may be columns, and the experiments there are. */
export const runColumnsQuery = (project: string) =>
  queryOptions({
    queryKey: ["runs", project, "columns"],
    staleTime: 30_000,
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/runs/table/columns", { project }, undefined, signal),
  });

/** Changes whenever something happened to runs; what depends on it is asked again. */
export const runsPulseQuery = (project: string) =>
  queryOptions({
    queryKey: ["runs", project, "pulse"],
    queryFn: () => Date.now(),
    initialData: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });

export const askTable =
  (project: string) => (question: Schemas["TableQuestion"], signal: AbortSignal) =>
    ask("/api/v1/projects/{project}/runs/table", { project }, question, signal);

export const comparedRunsQuery = (project: string, runs: readonly string[]) =>
  queryOptions({
    queryKey: ["runs", project, "compared", runs],
    enabled: runs.length > 0,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/runs/comparison",
        { project },
        { runs: runs.join(",") },
        signal,
      ),
  });

export type Curve = Schemas["Curve"];

export const curvesQuery = (
  project: string,
  runs: readonly string[],
  keys: readonly string[],
  range: { first: number; last: number } | null = null,
) =>
  queryOptions({
    queryKey: ["runs", project, "curves", runs, keys, range],
    enabled: runs.length > 0 && keys.length > 0,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ask(
        "/api/v1/projects/{project}/runs/curves",
        { project },
        {
          runs: [...runs],
          keys: [...keys],
          limit: 1000,
          first_step: range?.first ?? null,
          last_step: range?.last ?? null,
        },
        signal,
      ),
  });

export const importanceQuery = (project: string, metric: string, filter: string) =>
  queryOptions({
    queryKey: ["importance", project, metric, filter],
    enabled: metric !== "",
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/runs/importance", { project }, { metric, filter }, signal),
  });

const LATEST = 5;

export const latestRunsQuery = (project: string) =>
  queryOptions({
    queryKey: ["runs", project, "latest"],
    queryFn: async ({ signal }) => {
      const page = await get(
        "/api/v1/projects/{project}/runs",
        { project },
        { parent: "none", limit: LATEST },
        signal,
      );
      return page.runs;
    },
  });

export const runQuery = (run: string) =>
  queryOptions({
    queryKey: ["runs", "one", run],
    queryFn: ({ signal }) => get("/api/v1/runs/{run}", { run }, undefined, signal),
  });

export const childRunsQuery = (project: string, parent: string) =>
  queryOptions({
    queryKey: ["runs", project, "children", parent],
    queryFn: async ({ signal }) => {
      const page = await get(
        "/api/v1/projects/{project}/runs",
        { project },
        { parent, limit: PAGE },
        signal,
      );
      return page.runs;
    },
  });

export const runArtifactsQuery = (run: string) =>
  queryOptions({
    queryKey: ["runs", "artifacts", run],
    queryFn: ({ signal }) => get("/api/v1/runs/{run}/artifacts", { run }, undefined, signal),
  });

/** A metric as a number; JSON carries what is not finite as words. */
export function metricNumber(value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
