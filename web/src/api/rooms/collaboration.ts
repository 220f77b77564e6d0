import { queryOptions } from "@tanstack/react-query";
import { get, type Schemas } from "../client";

export type Comment = Schemas["Comment"];
export type Mention = Schemas["Mention"];
export type SavedView = Schemas["SavedView"];

export const whoamiQuery = queryOptions({
  queryKey: ["whoami"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: ({ signal }) => get("/api/v1/whoami", {}, undefined, signal),
});

export const commentsQuery = (project: string, subject: string) =>
  queryOptions({
    queryKey: ["comments", project, subject],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/comments", { project }, { subject }, signal),
  });

export const inboxQuery = (project: string) =>
  queryOptions({
    queryKey: ["comments", project, "inbox"],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/inbox", { project }, undefined, signal),
  });

export const peopleQuery = (project: string) =>
  queryOptions({
    queryKey: ["people", project],
    staleTime: 60_000,
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/people", { project }, undefined, signal),
  });

export const viewsQuery = (project: string, page: string) =>
  queryOptions({
    queryKey: ["views", project, page],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/views/{page}", { project, page }, undefined, signal),
  });
