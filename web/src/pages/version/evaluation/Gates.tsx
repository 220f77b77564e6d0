import type { Evaluation } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";

/** The thresholds of millwright.yaml, each with its verdict and why. */
export function Gates({ gates }: { gates: Evaluation["gates"] }) {
  const passed = gates.filter((gate) => gate.passed).length;
  return (
    <Panel title="Gates" note={gates.length > 0 && `${passed} of ${gates.length} passed`} flush>
      {gates.length === 0 ? (
        <p className="soft" style={{ padding: "0 18px 8px", margin: 0 }}>
          No gate is set. Add thresholds under evaluation.gates in millwright.yaml.
        </p>
      ) : (
        <DataTable
          label="Gates"
          rows={gates}
          rowKey={(gate, index) => `${gate.metric} ${index}`}
          marked={(gate) => !gate.passed}
          columns={[
            {
              title: "Verdict",
              cell: (gate) => <Status word={gate.passed ? "passed" : "failed"} />,
            },
            { title: "Gate", cell: (gate) => <span className="mono">{limits(gate)}</span> },
            { title: "Why", cell: (gate) => gate.reason },
          ]}
        />
      )}
    </Panel>
  );
}

function limits({ metric, min, max }: Evaluation["gates"][number]): string {
  return [min != null ? `${min} ≤` : "", metric, max != null ? `≤ ${max}` : ""].join(" ").trim();
}
