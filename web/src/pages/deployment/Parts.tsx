import { Stack } from "@mantine/core";
import type { Window } from "@/api/rooms/monitoring";
import { Whisker } from "@/charts/Whisker";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { count, metric } from "@/format/numbers";
import { shortDay } from "@/format/time";

type Segment = Window["segments"][number];
type Gap = Window["fairness"][number];

/** The latest labelled window, part by part: segments by the watched metric, gaps between groups. */
export function Parts({ windows }: { windows: readonly Window[] }) {
  const labelled = windows.filter((w) => w.segments.length > 0 || w.fairness.length > 0);
  const last = labelled.filter((w) => w.status === "closed").at(-1) ?? labelled.at(-1);
  if (!last) return null;
  const watched = last.performance[0]?.metric ?? "";
  const whole = last.performance[0]?.value;
  return (
    <Panel title="Parts of the latest labelled window" note={`from ${shortDay(last.start_ms)}`}>
      <Stack gap="xl">
        {last.segments.length > 0 && (
          <Segments segments={last.segments} watched={watched} whole={whole} />
        )}
        {last.fairness.length > 0 && <Gaps gaps={last.fairness} />}
      </Stack>
    </Panel>
  );
}

function Segments(props: { segments: readonly Segment[]; watched: string; whole?: number }) {
  const { segments, watched, whole } = props;
  const ends = segments.flatMap((s) => [s.low, s.high, s.metrics[watched]]);
  const known = [...ends, whole].filter((value): value is number => value != null);
  const [from, to] = [Math.min(...known), Math.max(...known)];
  return (
    <DataTable
      label="Segments"
      rows={[...segments]}
      rowKey={(s) => `${s.column} ${s.name}`}
      columns={[
        {
          title: "Segment",
          cell: (s) => (
            <span className="mono">
              {s.column} = {s.name}
            </span>
          ),
        },
        { title: "Labelled rows", cell: (s) => count(s.rows), right: true },
        { title: watched, cell: (s) => measured(s.metrics[watched]), right: true },
        {
          title: "95 % interval, and the whole window",
          cell: (s) =>
            s.low == null || s.metrics[watched] == null ? (
              "too few rows to judge"
            ) : (
              <Whisker
                value={s.metrics[watched]}
                low={s.low}
                high={s.high}
                from={from}
                to={to}
                threshold={whole}
              />
            ),
        },
      ]}
    />
  );
}

function Gaps({ gaps }: { gaps: readonly Gap[] }) {
  return (
    <DataTable
      label="Gaps between groups"
      rows={[...gaps]}
      rowKey={(g) => `${g.column} ${g.gap}`}
      columns={[
        {
          title: "Groups of",
          cell: (g) => <span className="mono">{g.column}</span>,
        },
        { title: "Gap", cell: (g) => g.gap.replaceAll("_", " ") },
        { title: "Value", cell: (g) => metric(g.value), right: true },
        {
          title: "95 % interval",
          cell: (g) =>
            g.low == null || g.high == null ? "–" : `${metric(g.low)} to ${metric(g.high)}`,
          right: true,
        },
        { title: "At validation", cell: (g) => measured(g.reference), right: true },
      ]}
    />
  );
}

function measured(value: number | null | undefined): string {
  return value == null ? "–" : metric(value);
}
