import { queryOptions } from "@tanstack/react-query";
import { change, get, type Schemas } from "../client";

export type Schedule = Schemas["Schedule"];
export type Trigger = Schemas["Trigger"];
export type Backfill = Schemas["Backfill"];

export const schedulesQuery = (project: string) =>
  queryOptions({
    queryKey: ["schedules", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/schedules", { project }, undefined, signal),
  });

export const triggersQuery = (project: string) =>
  queryOptions({
    queryKey: ["triggers", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/triggers", { project }, undefined, signal),
  });

export const backfillsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["schedules", project, name, "backfills"],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/schedules/{name}/backfills",
        { project, name },
        undefined,
        signal,
      ),
  });

export const pauseSchedule = (project: string, name: string, paused: boolean) =>
  change(
    "post",
    paused
      ? "/api/v1/projects/{project}/schedules/{name}/pause"
      : "/api/v1/projects/{project}/schedules/{name}/resume",
    { project, name },
    {},
  );

export const pauseTrigger = (project: string, name: string, paused: boolean) =>
  change(
    "post",
    paused
      ? "/api/v1/projects/{project}/triggers/{name}/pause"
      : "/api/v1/projects/{project}/triggers/{name}/resume",
    { project, name },
    {},
  );

export const runSchedule = (project: string, name: string) =>
  change("post", "/api/v1/projects/{project}/schedules/{name}/run", { project, name }, {});

interface Range {
  start: string;
  end: string;
}

export const planBackfill = (project: string, name: string, range: Range) =>
  change(
    "post",
    "/api/v1/projects/{project}/schedules/{name}/backfills/plan",
    { project, name },
    range,
  );

export const startBackfill = (
  project: string,
  name: string,
  wanted: Range & { max_active: number; again: boolean },
) =>
  change(
    "post",
    "/api/v1/projects/{project}/schedules/{name}/backfills",
    { project, name },
    wanted,
  );
