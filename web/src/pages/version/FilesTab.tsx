import { Button } from "@mantine/core";
import { download } from "@/api/download";
import type { ModelVersion } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";

const ARTIFACT = "/api/v1/projects/{project}/models/{model}/versions/{version}/artifacts/{name}";

/** The files of the package and the digests that they must have. */
export function FilesTab({ version }: { version: ModelVersion }) {
  const files = [
    ["manifest.json", version.manifest] as const,
    ...Object.entries(version.digests).sort(([a], [b]) => a.localeCompare(b)),
    ...(version.evaluation ? [["evaluation.json", version.evaluation] as const] : []),
  ];
  const { project, model } = version;
  return (
    <Panel title="Files" note="verified before loading" flush>
      <DataTable
        label="Files"
        rows={files}
        rowKey={([name]) => name}
        columns={[
          { title: "Name", cell: ([name]) => <span className="mono">{name}</span> },
          {
            title: "Digest (BLAKE3)",
            cell: ([, digest]) => <span className="mono">{digest}</span>,
          },
          {
            title: "Download",
            right: true,
            cell: ([name]) => (
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Download ${name}`}
                onClick={() =>
                  void download(ARTIFACT, { project, model, version: version.version, name }, name)
                }
              >
                Download
              </Button>
            ),
          },
        ]}
      />
    </Panel>
  );
}
