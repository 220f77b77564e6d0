import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { pipelineRunQuery, pipelineRunsQuery, type PipelineRunDetail } from "@/api/rooms/pipelines";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { moment } from "@/format/time";
import { useProject } from "@/shell/project";
import { differences, flattened } from "./differences";

/** The parameters of a run, beside those of another run of the same pipeline. */
export function Parameters({ run }: { run: PipelineRunDetail }) {
  const runs = useQuery(pipelineRunsQuery(useProject(), { name: run.name }, 50)).data;
  const others = (runs?.pipeline_runs ?? []).filter(({ id }) => id !== run.id);
  const [picked, pick] = useState<string | null>(null);
  const earlier = others.find(({ id }) => id < run.id) ?? others[0];
  const id = picked ?? earlier?.id;
  const other = useQuery({ ...pipelineRunQuery(id ?? ""), enabled: id !== undefined }).data;
  const rows = differences(flattened(other?.params ?? {}), flattened(run.params));
  const changed = rows.filter((row) => other && row.before !== row.after);
  return (
    <Panel
      title="Parameters"
      note={
        others.length > 0 && (
          <NativeSelect
            size="xs"
            aria-label="Compare with"
            value={id}
            onChange={(event) => pick(event.currentTarget.value)}
            data={others.map((each) => ({
              value: each.id,
              label: `compared with ${each.status}, ${moment(each.created)}`,
            }))}
          />
        )
      }
      flush
    >
      {rows.length === 0 ? (
        <p className="soft" style={{ padding: "0 20px 16px", margin: 0 }}>
          It takes none.
        </p>
      ) : (
        <DataTable
          label="Parameters"
          rows={[...changed, ...rows.filter((row) => !changed.includes(row))]}
          rowKey={(row) => row.name}
          marked={(row) => changed.includes(row)}
          columns={[
            { title: "Parameter", cell: (row) => <span className="mono">{row.name}</span> },
            { title: "This run", cell: (row) => <Value text={row.after} /> },
            ...(other
              ? [{ title: "The other", cell: (row: Row) => <Value text={row.before} /> }]
              : []),
          ]}
        />
      )}
    </Panel>
  );
}

type Row = ReturnType<typeof differences>[number];

function Value({ text }: { text: string | undefined }) {
  return (
    <span className="mono" style={{ overflowWrap: "anywhere" }}>
      {text ?? "–"}
    </span>
  );
}
