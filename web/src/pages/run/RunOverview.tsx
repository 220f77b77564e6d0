import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { childRunsQuery, type Run } from "@/api/rooms/tracking";
import { DataTable } from "@/components/DataTable";
import { Facts, Stats, type Fact } from "@/components/Facts";
import { Panel, PanelGrid } from "@/components/Panel";
import { Status } from "@/components/Status";
import { metric } from "@/format/numbers";
import { duration } from "@/format/time";
import { Note } from "./Note";

const MOST_STATS = 24;

/** What went into a run and what came out. */
export function RunOverview({ run }: { run: Run }) {
  const metrics = Object.entries(run.metrics).filter(([key]) => !key.startsWith("system/"));
  const params: Fact[] = Object.entries(run.params).map(([key, value]) => [
    key,
    <span className="mono">{value === null ? "–" : String(value)}</span>,
  ]);
  const tags: Fact[] = Object.entries(run.tags).filter(([key]) => !key.startsWith("mlflow."));
  return (
    <>
      {run.error && (
        <Panel title="Why it failed">
          <pre className="mono" style={{ whiteSpace: "pre-wrap", margin: 0 }}>
            {run.error}
          </pre>
        </Panel>
      )}
      <Panel
        title="Metrics"
        note={
          metrics.length > MOST_STATS && (
            <Link to="/runs/$run" params={{ run: run.id }} search={{ tab: "metrics" }}>
              all {metrics.length}
            </Link>
          )
        }
      >
        {metrics.length > 0 ? (
          <Stats
            facts={metrics.slice(0, MOST_STATS).map(([key, value]) => [key, metric(Number(value))])}
          />
        ) : (
          <span className="soft">No metric was logged.</span>
        )}
      </Panel>
      <PanelGrid>
        <Panel title="Parameters" note={params.length > 0 && params.length}>
          {params.length > 0 ? <Facts facts={params} /> : <span className="soft">None.</span>}
        </Panel>
        <Panel title="Tags">
          {tags.length > 0 ? <Facts facts={tags} /> : <span className="soft">None.</span>}
        </Panel>
      </PanelGrid>
      <Note run={run} />
      <Trials run={run} />
    </>
  );
}

function Trials({ run }: { run: Run }) {
  const trials = useQuery(childRunsQuery(run.project, run.id)).data ?? [];
  if (trials.length === 0) return null;
  const keys = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))].slice(0, 4);
  return (
    <Panel
      title="Trials"
      note={
        <Link to="/compare" search={{ runs: trials.slice(0, 100).map(({ id }) => id) }}>
          compare {Math.min(100, trials.length)}
        </Link>
      }
      flush
    >
      <DataTable
        label="Trials"
        rows={trials}
        rowKey={(trial) => trial.id}
        columns={[
          {
            title: "Run",
            cell: (trial) => (
              <Link to="/runs/$run" params={{ run: trial.id }}>
                {trial.name}
              </Link>
            ),
          },
          { title: "Status", cell: (trial) => <Status word={trial.status} /> },
          { title: "Duration", right: true, cell: (trial) => duration(trial.duration_ms) },
          ...keys.map((key) => ({
            title: key,
            right: true,
            cell: (trial: Run) => metric(Number(trial.metrics[key] ?? Number.NaN)),
          })),
        ]}
      />
    </Panel>
  );
}
