import { queryOptions } from "@tanstack/react-query";
import { get, type Schemas } from "../client";

export type Run = Schemas["Run"];

const PAGE = 1000;
/** More runs than this are not loaded into a browser; the table says so. */
export const MOST_RUNS = 5000;

async function latestRuns(project: string, signal: AbortSignal): Promise<Run[]> {
  const runs: Run[] = [];
  let page_token: string | undefined;
  do {
    const page = await get(
      "/api/v1/projects/{project}/runs",
      { project },
      { limit: PAGE, page_token },
      signal,
    );
    runs.push(...page.runs);
    page_token = page.next_page_token ?? undefined;
  } while (page_token && runs.length < MOST_RUNS);
  return runs;
}

export const runsQuery = (project: string) =>
  queryOptions({
    queryKey: ["runs", project],
    queryFn: ({ signal }) => latestRuns(project, signal),
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

export const metricHistoryQuery = (run: string, key: string) =>
  queryOptions({
    queryKey: ["runs", "metric", run, key],
    queryFn: ({ signal }) =>
      get("/api/v1/runs/{run}/metrics/{key}", { run, key }, { limit: 2000 }, signal),
  });

/** A metric as a number; JSON carries what is not finite as words. */
export function metricNumber(value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
