/** Which queries an event makes stale, by the first word of its kind; others touch none. */
const AFFECTED: Record<string, readonly string[]> = {
  project: ["projects"],
  comment: ["comments", "people"],
  view: ["views"],
  dataset: ["data", "lineage"],
  run: ["runs", "lineage"],
  "pipeline-run": ["pipelines", "schedules", "triggers", "lineage"],
  schedule: ["schedules"],
  backfill: ["schedules", "pipelines"],
  trigger: ["triggers"],
  model: ["models", "lineage", "approvals"],
  deployment: ["deployments", "lineage", "models"],
  window: ["windows"],
  labels: ["windows"],
  alert: ["alerts"],
  alerts: ["silences", "alerts"],
  retraining: ["retrainings", "lineage"],
};

/** The first parts of the keys of the queries that these events make stale. */
export function affectedQueries(kinds: Iterable<string>): Set<string> {
  const found = new Set(["events"]);
  for (const kind of kinds) {
    for (const key of AFFECTED[kind.split(".")[0] ?? ""] ?? []) found.add(key);
  }
  return found;
}
