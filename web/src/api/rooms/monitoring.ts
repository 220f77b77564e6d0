import { queryOptions } from "@tanstack/react-query";
import { change, get, type Schemas } from "../client";

export type Window = Schemas["Window"];
export type Alert = Schemas["Alert"];
export type Traffic = Schemas["Traffic"];

const TRAFFIC_EVERY_MS = 2000;

export const windowsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["windows", project, name],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/deployments/{name}/windows",
        { project, name },
        undefined,
        signal,
      ),
  });

/** Requests make no event, so traffic is asked for again and again while it is on the page. */
export const trafficQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["traffic", project, name],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/deployments/{name}/traffic",
        { project, name },
        undefined,
        signal,
      ),
    refetchInterval: TRAFFIC_EVERY_MS,
  });

export const alertsQuery = (project: string) =>
  queryOptions({
    queryKey: ["alerts", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/alerts", { project }, undefined, signal),
  });

export const messagesQuery = (alert: string) =>
  queryOptions({
    queryKey: ["alerts", "messages", alert],
    queryFn: ({ signal }) => get("/api/v1/alerts/{alert}/messages", { alert }, undefined, signal),
  });

export interface TriedRule {
  value: string;
  above?: number;
  below?: number;
}

export const rulePreviewQuery = (project: string, name: string, rule: TriedRule) =>
  queryOptions({
    queryKey: ["rule-preview", project, name, rule],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/deployments/{name}/rule-preview",
        { project, name },
        { ...rule },
        signal,
      ),
    retry: false,
  });

export const silencesQuery = (project: string) =>
  queryOptions({
    queryKey: ["silences", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/silences", { project }, undefined, signal),
  });

export const silence = (project: string, wish: Schemas["NewSilence"]) =>
  change("post", "/api/v1/projects/{project}/silences", { project }, wish);

export const endSilence = (project: string, id: string) =>
  change("post", "/api/v1/projects/{project}/silences/{silence}/end", { project, silence: id }, {});

export const acknowledgeAlert = (alert: string) =>
  change("post", "/api/v1/alerts/{alert}/acknowledge", { alert }, {});

export const resolveAlert = (alert: string) =>
  change("post", "/api/v1/alerts/{alert}/resolve", { alert }, {});
