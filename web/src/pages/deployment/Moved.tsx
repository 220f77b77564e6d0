import type { Window } from "@/api/rooms/monitoring";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { count, metric, percent } from "@/format/numbers";
import { shortDay } from "@/format/time";

type Evidence = NonNullable<Window["features"][number]["evidence"]>;
interface Moved {
  feature: string;
  found: Evidence;
}

/** Which columns have surely moved: how far, how sure it is, since when, and in which values. */
export function Moved({ windows }: { windows: readonly Window[] }) {
  const last = windows.filter((w) => w.features.some((f) => f.evidence)).at(-1);
  if (!last) return null;
  const weighed = last.features.flatMap(({ feature, evidence }): Moved[] =>
    evidence ? [{ feature, found: evidence }] : [],
  );
  const moved = weighed
    .filter(({ found }) => found.tier !== "none")
    .sort((a, b) => b.found.effect - a.found.effect);
  const promised = weighed.every(({ found }) => found.promised);
  return (
    <Panel
      title="Columns that have moved"
      note={
        promised
          ? "false pages: below 5 % a year of daily windows"
          : "neighbouring rows resemble one another: the rate of false alarms is an estimate"
      }
    >
      {moved.length === 0 ? (
        <EmptyState icon="check" title="No column has moved by more than chance and the floor" />
      ) : (
        <DataTable
          label="Columns that have moved"
          rows={moved}
          rowKey={({ feature }) => feature}
          columns={[
            { title: "Column", cell: ({ feature }) => <span className="mono">{feature}</span> },
            {
              title: "",
              cell: ({ found }) => <Status word={found.tier === "page" ? "critical" : "warning"} />,
            },
            {
              title: "Effect",
              cell: ({ found }) =>
                found.unit === "of its rows"
                  ? `${percent(found.effect, 1)} of its rows`
                  : `${metric(found.effect)} σ`,
              right: true,
            },
            { title: "By chance", cell: ({ found }) => `p ${chance(found.p_value)}`, right: true },
            { title: "Since", cell: ({ found }) => shortDay(found.since_ms) },
            { title: "Rows", cell: ({ found }) => count(found.rows), right: true },
            {
              title: "Where most",
              cell: ({ found }) =>
                `${found.cell}: ${percent(found.share_then)} → ${percent(found.share_now)}`,
            },
          ]}
        />
      )}
    </Panel>
  );
}

function chance(p: number): string {
  return p < 1e-12 ? "< 1e-12" : `= ${p.toPrecision(1)}`;
}
