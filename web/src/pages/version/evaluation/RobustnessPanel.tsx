import type { Evaluation } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { metric, percent } from "@/format/numbers";

type Disturbance = Evaluation["robustness"][number];

/** What becomes of the metric when inputs are noisy or missing. */
export function RobustnessPanel({ evaluation }: { evaluation: Evaluation }) {
  if (evaluation.robustness.length === 0) return null;
  return (
    <Panel title="Robustness" note={`${evaluation.metric} under disturbed inputs`} flush>
      <DataTable
        label="Robustness"
        rows={evaluation.robustness}
        rowKey={({ kind, level }) => `${kind} ${level}`}
        columns={[
          { title: "Disturbance", cell: describe },
          { title: evaluation.metric, right: true, cell: ({ value }) => metric(value) },
          { title: "Loss", right: true, cell: ({ drop }) => metric(drop) },
        ]}
      />
    </Panel>
  );
}

function describe({ kind, level, configured }: Disturbance) {
  const text =
    kind === "noise" ? `noise of ${level} standard deviations` : `${percent(level)} missing`;
  return configured ? <strong>{text}</strong> : text;
}
