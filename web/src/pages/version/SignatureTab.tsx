import type { ModelVersion } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";

const DATATYPES = { numeric: "FP64", categorical: "BYTES", boolean: "BOOL" } as const;

/** What the model takes, column by column, and what it answers. */
export function SignatureTab({ version }: { version: ModelVersion }) {
  const { classes, task, threshold } = version;
  const answer =
    task === "regression"
      ? "a number"
      : `one of ${classes.join(", ")}${task === "binary" ? ` (${String(classes[1])} from ${threshold})` : ""}`;
  return (
    <Panel title="Inputs" note={`answers ${answer}`} flush>
      <DataTable
        label="Inputs"
        rows={version.signature}
        rowKey={(field) => field.name}
        columns={[
          { title: "Column", cell: (field) => <span className="mono">{field.name}</span> },
          { title: "Kind", cell: (field) => field.kind },
          {
            title: "Protocol datatype",
            cell: (field) => <span className="mono">{DATATYPES[field.kind]}</span>,
          },
          { title: "May be missing", cell: (field) => (field.nullable ? "yes" : "no") },
          { title: "Watched for drift", cell: (field) => (field.monitored ? "yes" : "no") },
        ]}
      />
    </Panel>
  );
}
