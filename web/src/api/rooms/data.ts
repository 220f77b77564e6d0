import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { change, get, type Schemas } from "../client";

export type DatasetVersion = Schemas["DatasetVersion"];
export type Check = Schemas["Check"];
export type VersionCheck = Schemas["VersionCheck"];
export type TableProfile = Schemas["TableProfile"];
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

export type FileItem = Schemas["FileItem"];
export type FileChange = Schemas["FileChange"];

/** A folder of a version of files, some hundreds of names at a time. */
export const filesQuery = (version: DatasetVersion, path: string, after: string | undefined) =>
  queryOptions({
    queryKey: ["files", version.id, path, after],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/versions/{version}/files",
        { project: version.project, name: version.name, version: String(version.version) },
        { path, after },
        signal,
      ),
  });

export const fileDiffQuery = (project: string, name: string, from: number, to: number) =>
  queryOptions({
    queryKey: ["diff", project, name, from, to],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/diff",
        { project, name },
        { from: String(from), to: String(to) },
        signal,
      ),
  });

export type TableDiff = Schemas["TableDiff"];

/** Rows and columns that differ, with the first of them; takes seconds on millions of rows. */
export const rowDiffQuery = (project: string, name: string, from: number, to: number) =>
  queryOptions({
    queryKey: ["diff", project, name, "rows", from, to],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/diff/rows",
        { project, name },
        { from: String(from), to: String(to), limit: 50 },
        signal,
      ),
  });

export const previewQuery = (version: DatasetVersion, offset: number, limit: number) =>
  queryOptions({
    queryKey: ["preview", version.id, offset, limit],
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/versions/{version}/preview",
        { project: version.project, name: version.name, version: String(version.version) },
        { offset, limit },
        signal,
      ),
  });

export const impactQuery = (version: DatasetVersion) =>
  queryOptions({
    queryKey: ["data", version.project, version.name, "impact", version.id],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/impact",
        { project: version.project },
        { node: `dataset:${version.id}` },
        signal,
      ),
  });

export const suiteQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["data", project, name, "suite"],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/datasets/{name}/suite", { project, name }, undefined, signal),
  });

/** A person's word that checks hold (or, withdrawn, that they only warn again). */
export const confirmChecks = (
  project: string,
  name: string,
  checks: readonly string[] | "all",
  confirmed: boolean,
) =>
  change(
    "post",
    "/api/v1/projects/{project}/datasets/{name}/suite/confirm",
    { project, name },
    {
      checks: checks === "all" ? [] : [...checks],
      all: checks === "all",
      confirmed,
      including_broken: false,
    },
  );

export const checkHistoryQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["data", project, name, "check-history"],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/checks",
        { project, name },
        undefined,
        signal,
      ),
  });

/** Lets a version feed runs although a blocking check fails, and says why. */
export const overrideVersion = (version: DatasetVersion, reason: string) =>
  change(
    "post",
    "/api/v1/projects/{project}/datasets/{name}/versions/{version}/override",
    { project: version.project, name: version.name, version: String(version.version) },
    { reason, withdrawn: false },
  );

export const checkVersion = (project: string, name: string, version: string) =>
  change(
    "post",
    "/api/v1/projects/{project}/datasets/{name}/versions/{version}/checks",
    { project, name, version },
    { quarantine: true, whole_rows: false },
  );

export type DatasetRef = Schemas["DatasetRef"];

export const refsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["data", project, name, "refs"],
    queryFn: ({ signal }) =>
      get("/api/v1/projects/{project}/datasets/{name}/refs", { project, name }, undefined, signal),
  });

/** Tags a version, or starts a branch at it. */
export const putRef = (version: DatasetVersion, ref: string, kind: DatasetRef["kind"]) =>
  change(
    "put",
    "/api/v1/projects/{project}/datasets/{name}/refs/{ref}",
    { project: version.project, name: version.name, ref },
    { kind, version: String(version.version), move: false },
  );

export const deleteRef = (project: string, name: string, ref: string) =>
  change(
    "delete",
    "/api/v1/projects/{project}/datasets/{name}/refs/{ref}",
    { project, name, ref },
    {},
  );

export type MergeOutcome = Schemas["MergeOutcome"];
export type RowConflict = Schemas["RowConflict"];
export type Side = Schemas["Resolution"]["take"];

/** Merges the newest version of a branch into another one, or says what that would do. */
export const mergeBranch = (
  { project, name }: DatasetVersion,
  branch: string,
  request: Schemas["MergeRequest"],
) =>
  change(
    "post",
    "/api/v1/projects/{project}/datasets/{name}/versions/{version}/merge",
    { project, name, version: branch },
    request,
  );

export const tombstonesQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: ["data", project, name, "tombstones"],
    queryFn: ({ signal }) =>
      get(
        "/api/v1/projects/{project}/datasets/{name}/tombstones",
        { project, name },
        undefined,
        signal,
      ),
  });
