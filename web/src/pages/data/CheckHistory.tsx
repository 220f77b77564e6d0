import { useQuery } from "@tanstack/react-query";
import { checkHistoryQuery, type DatasetVersion } from "@/api/rooms/data";
import { Sparkline } from "@/charts/Sparkline";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { percent } from "@/format/numbers";

/** How each check went from version to version: what fails now first, then what ever failed. */
export function CheckHistory({ version }: { version: DatasetVersion }) {
  const query = useQuery(checkHistoryQuery(version.project, version.name));
  const series = (query.data ?? []).filter(({ points }) => points.length > 1);
  if (series.length === 0) return null;
  const failing = (points: (typeof series)[number]["points"]) =>
    (points.at(-1)?.passed ? 0 : 2) + (points.some(({ passed }) => !passed) ? 1 : 0);
  const listed = [...series].sort((one, other) => failing(other.points) - failing(one.points));
  return (
    <Panel title="Over versions" note="share of rows that break the check" flush>
      <div style={{ maxHeight: 420, overflowY: "auto" }}>
        <DataTable
          label="Checks over versions"
          rows={listed}
          rowKey={({ check }) => check}
          columns={[
            { title: "Check", cell: ({ sentence }) => sentence },
            {
              title: "Latest",
              cell: ({ points }) => {
                const latest = points.at(-1);
                const word = latest?.error ? "could not run" : latest?.passed ? "holds" : "fails";
                return <Status word={word} tone={word === "holds" ? "ok" : "warn"} />;
              },
            },
            {
              title: "Broken rows",
              right: true,
              cell: ({ points }) => percent(shareOf(points.at(-1)), 1),
            },
            {
              title: "Versions",
              right: true,
              cell: ({ points, sentence }) => (
                <Sparkline
                  values={points.map(shareOf)}
                  label={`Share of rows that break "${sentence}", version by version`}
                  width={140}
                  height={28}
                />
              ),
            },
          ]}
        />
      </div>
    </Panel>
  );
}

interface Point {
  rows: number;
  failed_rows: number;
}

function shareOf(point: Point | undefined): number {
  return point ? point.failed_rows / Math.max(1, point.rows) : 0;
}
