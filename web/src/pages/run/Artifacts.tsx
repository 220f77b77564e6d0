import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { download } from "@/api/download";
import { runArtifactsQuery } from "@/api/rooms/tracking";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { bytes, short } from "@/format/numbers";

export function Artifacts({ run }: { run: string }) {
  const artifacts = useQuery(runArtifactsQuery(run)).data ?? [];
  if (artifacts.length === 0) return null;
  return (
    <Panel title="Artifacts" flush>
      <DataTable
        label="Artifacts"
        rows={artifacts}
        rowKey={(artifact) => artifact.name}
        columns={[
          { title: "Name", cell: (artifact) => artifact.name },
          { title: "Size", right: true, cell: (artifact) => bytes(artifact.size) },
          {
            title: "Digest (BLAKE3)",
            cell: (artifact) => (
              <span className="mono" title={artifact.digest}>
                {short(artifact.digest)}
              </span>
            ),
          },
          {
            title: "Download",
            right: true,
            cell: ({ name }) => (
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Download ${name}`}
                onClick={() =>
                  void download(
                    "/api/v1/runs/{run}/artifacts/{name}",
                    { run, name },
                    name.split("/").at(-1) ?? name,
                  )
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
