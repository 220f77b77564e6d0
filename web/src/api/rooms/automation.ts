import { queryOptions } from "@tanstack/react-query";
import { get, type Schemas } from "../client";

export type Retraining = Schemas["Retraining"];

export const retrainingsQuery = (project: string) =>
  queryOptions({
    queryKey: ["retrainings", project],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/retrainings", { project }, undefined, signal),
  });
