import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { versionComparisonQuery, type ModelVersion } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Panel, PanelGrid } from "@/components/Panel";
import { metric, short, signed } from "@/format/numbers";

interface Props {
  project: string;
  model: string;
  versions: readonly ModelVersion[];
  left: number;
  right: number;
  onChange: (left: number, right: number) => void;
}

/** Two versions side by side: what they measure, take, need and hold. */
export function CompareVersions({ project, model, versions, left, right, onChange }: Props) {
  const query = useQuery(versionComparisonQuery(project, model, left, right));
  const choices = versions.map((version) => ({
    value: String(version.version),
    label: `version ${version.version}${version.aliases.length > 0 ? ` (${version.aliases.join(", ")})` : ""}`,
  }));
  return (
    <Panel
      title="Two versions side by side"
      note={
        <span style={{ display: "flex", gap: 8 }}>
          <NativeSelect
            size="xs"
            aria-label="Left version"
            value={String(left)}
            data={choices}
            onChange={(event) => onChange(Number(event.currentTarget.value), right)}
          />
          <NativeSelect
            size="xs"
            aria-label="Right version"
            value={String(right)}
            data={choices}
            onChange={(event) => onChange(left, Number(event.currentTarget.value))}
          />
        </span>
      }
    >
      <Loaded query={query} height={240}>
        {({ metrics, facts, signature, environment, files }) => (
          <>
            <DataTable
              label="Metrics side by side"
              rows={metrics}
              rowKey={({ name }) => name}
              columns={[
                { title: "Metric", cell: ({ name }) => name },
                { title: `Version ${left}`, right: true, cell: (row) => written(row.left) },
                { title: `Version ${right}`, right: true, cell: (row) => written(row.right) },
                {
                  title: "Change",
                  right: true,
                  cell: ({ change }) => (change == null ? "–" : signed(Number(change))),
                },
              ]}
            />
            <PanelGrid least={420}>
              <Changes title="Facts" rows={facts} left={left} right={right} />
              <Changes title="Inputs" rows={signature} left={left} right={right} />
              <Changes title="Environment" rows={environment} left={left} right={right} />
              <Changes title="Files" rows={files} left={left} right={right} digests />
            </PanelGrid>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function written(value: number | string | null | undefined): string {
  return value == null ? "–" : metric(Number(value));
}

interface ChangesProps {
  title: string;
  rows: readonly { name: string; left: string | null; right: string | null }[];
  left: number;
  right: number;
  digests?: boolean;
}

function Changes({ title, rows, left, right, digests }: ChangesProps) {
  const said = (value: string | null) =>
    value === null ? <span className="soft">–</span> : digests ? short(value) : value;
  return (
    <div>
      <h3 style={{ fontSize: "0.8125rem", margin: "16px 0 4px" }}>{title}</h3>
      {rows.length === 0 ? (
        <span className="soft">No difference.</span>
      ) : (
        <DataTable
          label={`${title} side by side`}
          rows={rows}
          rowKey={({ name }) => name}
          columns={[
            { title: "Name", cell: ({ name }) => name },
            { title: `Version ${left}`, cell: (row) => said(row.left) },
            { title: `Version ${right}`, cell: (row) => said(row.right) },
          ]}
        />
      )}
    </div>
  );
}
