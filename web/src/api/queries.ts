import { queryOptions } from "@tanstack/react-query";
import { get } from "./client";

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: ({ signal }) => get("/api/v1/projects", {}, undefined, signal),
});

export const eventsQuery = (project: string, limit: number) =>
  queryOptions({
    queryKey: ["events", project, limit],
    queryFn: ({ signal }) =>
      get("/api/v1/events", {}, { project, limit, newest_first: true }, signal),
  });

export const lineageQuery = (project: string, node: string) =>
  queryOptions({
    queryKey: ["lineage", project, node],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/lineage", { project }, { node, depth: 12 }, signal),
  });
