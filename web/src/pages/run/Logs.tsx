import { useQuery } from "@tanstack/react-query";
import { runArtifactsQuery, type Run } from "@/api/rooms/tracking";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { bytes } from "@/format/numbers";
import { ArtifactPreview } from "./ArtifactPreview";

const LOG = /(^|\/)logs?\/|\.(log|out|err)$/i;

/** What a run printed, where it kept it: artifacts in `logs/` and those that end like a log. */
export function Logs({ run }: { run: Run }) {
  const query = useQuery(runArtifactsQuery(run.id));
  return (
    <Loaded query={query} height={240}>
      {(artifacts) => {
        const logs = artifacts.filter(({ name }) => LOG.test(name));
        if (logs.length === 0 && !run.error) {
          return (
            <EmptyState icon="runs" title="This run kept no log">
              Artifacts in the folder logs, and those that end with .log, are shown here.
            </EmptyState>
          );
        }
        return (
          <>
            {run.error && (
              <Panel title="Error">
                <pre className="mono" style={{ whiteSpace: "pre-wrap", margin: 0 }}>
                  {run.error}
                </pre>
              </Panel>
            )}
            {logs.map(({ name, digest, size }) => (
              <Panel key={name} title={name} note={bytes(size)}>
                <ArtifactPreview run={run.id} name={name} digest={digest} />
              </Panel>
            ))}
          </>
        );
      }}
    </Loaded>
  );
}
