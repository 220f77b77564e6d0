import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { change, get, type Schemas } from "../client";

export type PipelineRun = Schemas["PipelineRun"];
export type PipelineRunDetail = Schemas["PipelineRunDetail"];
export type Task = Schemas["Task"];
export type RunStatus = PipelineRun["status"];

const ENDED: readonly string[] = ["succeeded", "failed", "cancelled"];
const SOON_MS = 1000;

export const hasEnded = (run: Pick<PipelineRun, "status">) => ENDED.includes(run.status);

interface Filter {
  name?: string;
  status?: RunStatus;
}

export const pipelineRunsQuery = (project: string, filter: Filter = {}, limit = 100) =>
  queryOptions({
    queryKey: ["pipelines", project, filter, limit],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/pipeline-runs", { project }, { ...filter, limit }, signal),
    placeholderData: keepPreviousData,
  });

/** Asked again every second as long as the run goes on: its steps leave no event each. */
export const pipelineRunQuery = (run_id: string) =>
  queryOptions({
    queryKey: ["pipelines", "run", run_id],
    queryFn: ({ signal }) => get("/api/v1/pipeline-runs/{run_id}", { run_id }, undefined, signal),
    refetchInterval: ({ state }) => (state.data && hasEnded(state.data) ? false : SOON_MS),
  });

export type Approval = Schemas["millwright__pipelines__records__Approval"];

export const approvalsQuery = (project: string) =>
  queryOptions({
    queryKey: ["pipelines", project, "approvals"],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/pipeline-approvals", { project }, undefined, signal),
  });

/** What a step wrote after what is known already, once there is any. */
export const taskLog = (
  run_id: string,
  task: string,
  known: { after: number; attempt?: number },
  signal: AbortSignal,
) =>
  get(
    "/api/v1/pipeline-runs/{run_id}/tasks/{task}/log",
    { run_id, task },
    { ...known, wait_ms: 10_000 },
    signal,
  );

export const cancelRun = (run_id: string) =>
  change("post", "/api/v1/pipeline-runs/{run_id}/cancel", { run_id }, {});

export const decideTask = (run_id: string, task: string, approve: boolean, reason: string) =>
  change(
    "post",
    "/api/v1/pipeline-runs/{run_id}/approvals/{task}",
    { run_id, task },
    { approve, reason },
  );
