import type { Evaluation } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Facts } from "@/components/Facts";
import { Panel } from "@/components/Panel";
import { count, metric, percent } from "@/format/numbers";

type Fairness = Evaluation["fairness"][number];

/** How outcomes differ between groups. */
export function FairnessPanel({ evaluation }: { evaluation: Evaluation }) {
  const { fairness } = evaluation;
  return (
    <Panel title="Fairness" note={fairness.map((found) => found.column).join(", ")}>
      {fairness.length === 0 ? (
        <span className="soft">
          No groups are compared. Name columns under evaluation.fairness.groups in millwright.yaml.
        </span>
      ) : (
        fairness.map((found) => (
          <Groups key={found.column} found={found} regression={evaluation.task === "regression"} />
        ))
      )}
    </Panel>
  );
}

function Groups({ found, regression }: { found: Fairness; regression: boolean }) {
  const gaps = Object.entries(found.gaps).map(
    ([name, gap]) => [name.replaceAll("_", " "), metric(gap)] as const,
  );
  return (
    <div style={{ marginBottom: 12 }}>
      <Facts facts={gaps} />
      <div style={{ margin: "12px -18px 0" }}>
        <DataTable
          label={`Groups of ${found.column}`}
          rows={found.groups}
          rowKey={(group) => group.name}
          columns={[
            { title: found.column, cell: (group) => group.name },
            { title: "Rows", right: true, cell: (group) => count(group.rows) },
            ...(regression
              ? [{ title: "Mean error", right: true, cell: (g: Group) => metric(g.mean_error) }]
              : RATES),
          ]}
        />
      </div>
    </div>
  );
}

type Group = Fairness["groups"][number];

const RATES = [
  { title: "Selected", right: true, cell: (group: Group) => percent(group.selection_rate, 1) },
  { title: "True pos.", right: true, cell: (group: Group) => percent(group.tpr, 1) },
  { title: "False pos.", right: true, cell: (group: Group) => percent(group.fpr, 1) },
];
