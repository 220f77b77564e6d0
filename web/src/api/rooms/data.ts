import { queryOptions } from "@tanstack/react-query";
import { change, get, type Schemas } from "../client";

export type DatasetVersion = Schemas["DatasetVersion"];
export type Rule = Schemas["Rule"];
export type VersionCheck = Schemas["VersionCheck"];
export type ColumnProfile = Schemas["ColumnProfile"];

export const datasetsQuery = (project: string) =>
  queryOptions({
    queryKey: ["data", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/datasets", { project }, undefined, signal),
  });

export const datasetVersionsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["data", project, name, "versions"],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/versions",
        { project, name },
        undefined,
        signal,
      ),
  });

export const profileQuery = (project: string, name: string, version: string) =>
  queryOptions({
    queryKey: ["profile", project, name, version],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/versions/{version}/profile",
        { project, name, version },
        undefined,
        signal,
      ),
  });

export const checksQuery = (project: string, name: string, version: string) =>
  queryOptions({
    queryKey: ["data", project, name, "checks", version],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/versions/{version}/checks",
        { project, name, version },
        undefined,
        signal,
      ),
  });

export const rulesQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["data", project, name, "rules"],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/datasets/{name}/rules", { project, name }, undefined, signal),
  });

/** A person's word that rules hold (or, withdrawn, that they only warn again). */
export const confirmRules = (project: string, name: string, rules: string[], confirmed: boolean) =>
  change(
    "post",
    "/api/v1/projects/{project}/datasets/{name}/rules/confirm",
    { project, name },
    { rules, all: false, confirmed },
  );

export const checkVersion = (project: string, name: string, version: string) =>
  change(
    "post",
    "/api/v1/projects/{project}/datasets/{name}/versions/{version}/checks",
    { project, name, version },
    {},
  );
