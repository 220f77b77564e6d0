import { queryOptions } from "@tanstack/react-query";
import { change, get, type Schemas } from "../client";

export type Deployment = Schemas["DeploymentView"];
export type Rollout = Schemas["RolloutView"];
export type Ruling = "promote" | "rollback";

export const deploymentsQuery = (project: string) =>
  queryOptions({
    queryKey: ["deployments", project],
    queryFn: async ({ signal }) => {
      const found = await get(
        "/api/v1/projects/{project}/deployments",
        { project },
        undefined,
        signal,
      );
      return found.deployments;
    },
  });

export const deploymentQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["deployments", project, name],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/deployments/{name}", { project, name }, undefined, signal),
  });

/** Ends the trial of a canary by a person's decision. */
export const ruleCanary = (project: string, name: string, ruling: Ruling, reason: string) =>
  change(
    "post",
    ruling === "promote"
      ? "/api/v1/projects/{project}/deployments/{name}/promote"
      : "/api/v1/projects/{project}/deployments/{name}/rollback",
    { project, name },
    { reason, evidence: {} },
  );

export type Release = Schemas["ReleaseView"];

/** What was released under this name to images, clusters and clouds, newest first. */
export const releasesQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["releases", project, name],
    queryFn: async ({ signal }) => {
      const found = await get("/api/v1/projects/{project}/releases", { project }, { name }, signal);
      return found.releases;
    },
  });
