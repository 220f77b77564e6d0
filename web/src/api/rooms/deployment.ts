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

/** Shares the requests in other proportions; those not named keep their weight. */
export const setWeights = (project: string, name: string, weights: Record<string, number>) =>
  change(
    "put",
    "/api/v1/projects/{project}/deployments/{name}/weights",
    { project, name },
    { weights, reason: "Set by a person in the UI.", evidence: {} },
  );

/** How a shadow or canary and the champion differ on the rows that both scored. */
export const differencesQuery = (project: string, name: string, variant: string) =>
  queryOptions({
    queryKey: ["differences", project, name, variant],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/deployments/{name}/variants/{variant}/differences",
        { project, name, variant },
        undefined,
        signal,
      ),
  });

export type Variant = Schemas["VariantView"];
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
