import type { Evaluation } from "@/api/rooms/registry";
import { Whisker } from "@/charts/Whisker";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { count, metric } from "@/format/numbers";

/** Every metric with its 95 % interval, on a scale of its own between 0 and 1 where it has one. */
export function Metrics({ evaluation }: { evaluation: Evaluation }) {
  const rows = Object.entries(evaluation.metrics).sort(
    ([a], [b]) => Number(b === evaluation.metric) - Number(a === evaluation.metric),
  );
  return (
    <Panel
      title="Metrics"
      note={`on ${count(evaluation.rows)} held-out rows, 95 % intervals`}
      flush
    >
      <DataTable
        label="Metrics"
        rows={rows}
        rowKey={([name]) => name}
        columns={[
          {
            title: "Metric",
            cell: ([name]) => (name === evaluation.metric ? <strong>{name}</strong> : name),
          },
          { title: "Value", right: true, cell: ([, found]) => metric(found.value) },
          {
            title: "Interval",
            right: true,
            cell: ([, found]) => `${metric(found.low)} – ${metric(found.high)}`,
          },
          { title: "On its scale", cell: ([, found]) => <Whisker {...found} {...scale(found)} /> },
        ]}
      />
    </Panel>
  );
}

function scale({ low, high }: { low: number; high: number }): { from: number; to: number } {
  if (low >= 0 && high <= 1) return { from: 0, to: 1 };
  const reach = Math.max(Math.abs(low), Math.abs(high)) * 1.1;
  return { from: Math.min(0, -reach * Number(low < 0)), to: reach };
}
