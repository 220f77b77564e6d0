import { useQuery } from "@tanstack/react-query";
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

/** What the columns of a version look like. */
export function Profile({ version }: { version: DatasetVersion }) {
  const { project, name } = version;
  const query = useQuery(profileQuery(project, name, String(version.version)));
  return (
    <Loaded query={query} height={420}>
      {(found) => (
        <>
          <PersonalData columns={found.personal} />
          <Columns columns={found.columns} rows={found.rows} />
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
        moments={columns.map(({ column, kind, example, share }) => ({
          key: `${column} ${kind}`,
          tone: "warn",
          icon: "warning",
          title: `${column} seems to hold ${kind}`,
          detail: [
            share != null && `${percent(share, 1)} of values`,
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
  columns: readonly ColumnProfile[];
  rows: number;
}

function Columns({ columns, rows }: Props) {
  return (
    <Panel title="Profile" note={`${columns.length} columns`} flush>
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
          { title: "Distinct", right: true, cell: (column) => count(column.distinct) },
          { title: "Range", right: true, cell: range },
          { title: "Mean", right: true, cell: ({ mean }) => metric(mean) },
          { title: "Distribution", cell: (column) => <Distribution column={column} /> },
        ]}
      />
    </Panel>
  );
}

function range({ kind, minimum, maximum }: ColumnProfile): string {
  if (minimum == null || maximum == null) return "–";
  if (kind === "time") return `${onDay(minimum)} – ${onDay(maximum)}`;
  return `${metric(minimum)} – ${metric(maximum)}`;
}

function onDay(milliseconds: number): string {
  return day(new Date(milliseconds).toISOString());
}

function Distribution({ column }: { column: ColumnProfile }) {
  const { histogram, top } = column;
  if (histogram) {
    return <Histogram counts={histogram.counts} label={`Histogram of ${column.name}`} />;
  }
  if (top.length === 0) return <span className="soft">–</span>;
  const shown = top.slice(0, 3);
  return (
    <span className="soft" title={top.map((t) => `${t.value}: ${t.count}`).join("\n")}>
      {shown
        .map(({ value, count: times }) => `${value} ${percent(times / Math.max(1, column.count))}`)
        .join(" · ")}
    </span>
  );
}
