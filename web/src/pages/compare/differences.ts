import type { Compared } from "./Compare";

export interface DifferenceRow {
  name: string;
  values: (string | null)[];
  differs: boolean;
}

export interface DifferenceGroup {
  title: string;
  rows: DifferenceRow[];
}

/** What the runs say of themselves, in groups, one value for each run. */
export function differences({ runs, packages }: Compared): DifferenceGroup[] {
  const said = (value: unknown) => (value === null || value === undefined ? null : String(value));
  const keyed = (pick: (run: Compared["runs"][number]) => Record<string, unknown>) => {
    const names = [...new Set(runs.flatMap((run) => Object.keys(pick(run))))].sort();
    return names.map((name) =>
      row(
        name,
        runs.map((run) => said(pick(run)[name])),
      ),
    );
  };
  return [
    { title: "Parameters", rows: keyed((run) => run.params) },
    { title: "Metrics", rows: keyed((run) => run.metrics) },
    { title: "Tags", rows: keyed((run) => run.tags) },
    {
      title: "Code and environment",
      rows: [
        row(
          "experiment",
          runs.map((run) => run.experiment),
        ),
        row(
          "commit",
          runs.map((run) => said(run.code?.commit)),
        ),
        row(
          "uncommitted changes",
          runs.map((run) => said(run.code?.diff_digest ?? run.code?.dirty)),
        ),
        row(
          "command",
          runs.map((run) => said(run.command)),
        ),
        row(
          "seed",
          runs.map((run) => said(run.seed)),
        ),
        row(
          "python",
          runs.map((run) => said(run.environment?.python)),
        ),
        row(
          "platform",
          runs.map((run) => said(run.environment?.platform)),
        ),
        row(
          "CPUs",
          runs.map((run) => said(run.environment?.cpus)),
        ),
        row(
          "data",
          runs.map((run) => said(run.inputs.join(", ") || null)),
        ),
      ].filter(({ values }) => values.some((value) => value !== null)),
    },
    {
      title: "Packages",
      rows: keyed((run) => packages[run.environment?.digest ?? ""] ?? {}),
    },
  ].filter(({ rows }) => rows.length > 0);
}

function row(name: string, values: (string | null)[]): DifferenceRow {
  return { name, values, differs: new Set(values).size > 1 };
}
