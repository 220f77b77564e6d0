import { queryOptions } from "@tanstack/react-query";
import { get, type Schemas } from "../client";

export type ModelVersion = Schemas["ModelVersion"];
export type Evaluation = Schemas["Evaluation"];
export type WaitingApproval = Schemas["WaitingApproval"];

export const waitingQuery = (project: string) =>
  queryOptions({
    queryKey: ["approvals", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/approvals", { project }, undefined, signal),
  });

export const versionComparisonQuery = (
  project: string,
  model: string,
  left: number,
  right: number,
) =>
  queryOptions({
    queryKey: ["models", project, model, "compare", left, right],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/models/{model}/versions/{version}/compare/{other}",
        { project, model, version: String(left), other: String(right) },
        undefined,
        signal,
      ),
  });

export const modelsQuery = (project: string) =>
  queryOptions({
    queryKey: ["models", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/models", { project }, undefined, signal),
  });

export const modelQuery = (project: string, model: string) =>
  queryOptions({
    queryKey: ["models", project, model],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/models/{model}", { project, model }, undefined, signal),
  });

export const versionQuery = (project: string, model: string, version: string) =>
  queryOptions({
    queryKey: ["models", project, model, version],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/models/{model}/versions/{version}",
        { project, model, version },
        undefined,
        signal,
      ),
  });

/** The full evaluation of a version; versions never change, so one answer is enough. */
export const evaluationQuery = ({ project, model, version }: ModelVersion) =>
  queryOptions({
    queryKey: ["evaluation", project, model, version],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/models/{model}/versions/{version}/evaluation",
        { project, model, version: String(version) },
        undefined,
        signal,
      ),
  });
