import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { download } from "@/api/download";
import {
  profileQuery,
  type ColumnProfile,
  type DatasetVersion,
  type TableProfile,
} from "@/api/rooms/data";
import { Histogram } from "@/charts/Histogram";
import { DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Timeline } from "@/components/Timeline";
import { count, metric, percent } from "@/format/numbers";
import { day } from "@/format/time";
import css from "./Profile.module.css";

/** What the columns of a version look like. */
export function Profile({ version }: { version: DatasetVersion }) {
  const { project, name } = version;
  const query = useQuery(profileQuery(project, name, String(version.version)));
  return (
    <Loaded query={query} height={420}>
      {(found) => (
        <>
          <PersonalData columns={found.personal} />
          <Columns profile={found} version={version} />
        </>
      )}
    </Loaded>
  );
}

function PersonalData({ columns }: { columns: TableProfile["personal"] }) {
  if (columns.length === 0) return null;
  return (
    <Panel title="Personal data" note="the values shown are masked">
      <Timeline
        label="Columns with personal data"
        moments={columns.map(({ column, kind, by, example, share }) => ({
          key: `${column} ${kind}`,
          tone: "warn",
          icon: "warning",
          title: `${column} seems to hold ${kind}`,
          detail: [
            by === "name" ? "by its name" : `${percent(share, 1)} of values`,
            example && `such as ${example}`,
          ]
            .filter(Boolean)
            .join(", "),
        }))}
      />
    </Panel>
  );
}

interface Props {
  profile: TableProfile;
  version: DatasetVersion;
}

function Columns({ profile, version }: Props) {
  const { columns, rows } = profile;
  return (
    <Panel title="Profile" note={<Report version={version} />} flush>
      <p className={css.told}>{summary(profile)}</p>
      <DataTable
        label="Profile"
        rows={columns}
        rowKey={(column) => column.name}
        columns={[
          { title: "Column", cell: (column) => <span className="mono">{column.name}</span> },
          { title: "Kind", cell: (column) => column.kind },
          {
            title: "Missing",
            right: true,
            cell: ({ nulls }) => (nulls === 0 ? "0" : percent(nulls / Math.max(1, rows), 1)),
          },
          { title: "Distinct", right: true, cell: distinct },
          { title: "Range", right: true, cell: range },
          { title: "Mean", right: true, cell: ({ mean }) => metric(mean) },
          {
            title: "Distribution",
            cell: (column) => (
              <Distribution column={column} sampled={profile.sampled_rows ?? null} />
            ),
          },
        ]}
      />
    </Panel>
  );
}

/** The same as a page of HTML that needs nothing else, to keep or to send. */
function Report({ version: { project, name, version } }: { version: DatasetVersion }) {
  const saving = useMutation({
    mutationFn: () =>
      download(
        "/api/v1/projects/{project}/datasets/{name}/versions/{version}/profile/report",
        { project, name, version },
        `${name}-${version}-profile.html`,
      ),
  });
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={saving.isPending}
      onClick={() => saving.mutate()}
    >
      {saving.error ? "Could not be saved: try again" : "Save as HTML"}
    </Button>
  );
}

function summary({ columns, rows, duplicates, duplicates_estimated, sampled_rows }: TableProfile) {
  const about = duplicates_estimated ? "about " : "";
  return [
    `${count(rows)} rows, ${columns.length} columns.`,
    duplicates != null && duplicates > 0 && `${about}${count(duplicates)} rows repeat another.`,
    sampled_rows != null &&
      `Distributions are of ${count(sampled_rows)} rows drawn evenly, all else of all rows; ≈ is an estimate to about 0.8 %.`,
  ]
    .filter(Boolean)
    .join(" ");
}

function distinct(column: ColumnProfile): string {
  return `${column.distinct_estimated ? "≈ " : ""}${count(column.distinct)}`;
}

function range({ kind, minimum, maximum }: ColumnProfile): string {
  if (minimum == null || maximum == null) return "–";
  if (kind === "time") return `${onDay(minimum)} – ${onDay(maximum)}`;
  return `${metric(minimum)} – ${metric(maximum)}`;
}

function onDay(milliseconds: number): string {
  return day(new Date(milliseconds).toISOString());
}

function Distribution({ column, sampled }: { column: ColumnProfile; sampled: number | null }) {
  const { histogram, top, top_sampled } = column;
  const of = top_sampled && sampled != null ? sampled : column.count;
  if (histogram) {
    return <Histogram counts={histogram.counts} label={`Histogram of ${column.name}`} />;
  }
  if (top.length === 0) return <span className="soft">–</span>;
  if (top[0]?.count === 1 && !top_sampled) return <span className="soft">none occurs twice</span>;
  const shown = top.slice(0, 3);
  return (
    <span className="soft" title={top.map((t) => `${t.value}: ${t.count}`).join("\n")}>
      {shown
        .map(({ value, count: times }) => `${value} ${percent(times / Math.max(1, of))}`)
        .join(" · ")}
    </span>
  );
}
