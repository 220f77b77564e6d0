import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { childRunsQuery, runQuery, type Run as RunRecord } from "@/api/rooms/tracking";
import { DataTable } from "@/components/DataTable";
import { Facts, Stats, type Fact } from "@/components/Facts";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel, PanelGrid } from "@/components/Panel";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { metric, short } from "@/format/numbers";
import { duration, moment } from "@/format/time";
import { Lineage } from "@/lineage/Lineage";
import { useProject } from "@/shell/project";
import { Artifacts } from "./Artifacts";
import { MetricCurves } from "./MetricCurves";

export function Run() {
  const id = useParams({ from: "/runs/$run" }).run;
  const query = useQuery(runQuery(id));
  const run = query.data;
  return (
    <Page
      title={run?.name ?? "Run"}
      crumbs={[{ label: "Runs", to: "/runs" }]}
      badge={run && <Status word={run.status} />}
      lead={run && <Summary run={run} />}
    >
      <Loaded query={query} height={320}>
        {(found) => <RunBody run={found} />}
      </Loaded>
    </Page>
  );
}

function Summary({ run }: { run: RunRecord }) {
  return (
    <>
      {run.experiment} · started <When time={run.created_at} /> by {run.actor}
      {run.duration_ms != null && <> · took {duration(run.duration_ms)}</>}
      {run.parent && (
        <>
          {" · a trial of "}
          <Link to="/runs/$run" params={{ run: run.parent }}>
            its search
          </Link>
        </>
      )}
    </>
  );
}

function RunBody({ run }: { run: RunRecord }) {
  const metrics = Object.entries(run.metrics);
  const params: Fact[] = Object.entries(run.params).map(([key, value]) => [
    key,
    <span className="mono">{value === null ? "–" : String(value)}</span>,
  ]);
  return (
    <>
      {run.error && (
        <Panel title="Why it failed">
          <pre className="mono" style={{ whiteSpace: "pre-wrap", margin: 0 }}>
            {run.error}
          </pre>
        </Panel>
      )}
      <Panel title="Metrics">
        {metrics.length > 0 ? (
          <Stats facts={metrics.map(([key, value]) => [key, metric(Number(value))])} />
        ) : (
          <span className="soft">No metric was logged.</span>
        )}
      </Panel>
      <MetricCurves run={run.id} keys={metrics.map(([key]) => key)} />
      <PanelGrid>
        <Panel title="Parameters">
          {params.length > 0 ? <Facts facts={params} /> : <span className="soft">None.</span>}
        </Panel>
        <Panel title="Where it came from">
          <Facts facts={origin(run)} />
        </Panel>
      </PanelGrid>
      <Trials run={run} />
      <Artifacts run={run.id} />
      <Panel title="Lineage">
        <Lineage node={`run:${run.id}`} />
      </Panel>
    </>
  );
}

function origin(run: RunRecord): Fact[] {
  const { code, environment } = run;
  return [
    ["Run", <span className="mono">{run.id}</span>],
    ["Started", moment(run.created_at)],
    ["Command", run.command ? <span className="mono">{run.command}</span> : "–"],
    ["Code", code?.commit ? `${short(code.commit)}${code.dirty ? " with changes" : ""}` : "–"],
    ["Python", environment?.python ?? "–"],
    ["Platform", environment ? `${environment.platform}, ${environment.cpus} CPUs` : "–"],
    ["Seed", run.seed ?? "–"],
    ...Object.entries(run.tags).map(([key, value]): Fact => [key, value]),
  ];
}

function Trials({ run }: { run: RunRecord }) {
  const trials = useQuery(childRunsQuery(useProject(), run.id)).data ?? [];
  if (trials.length === 0) return null;
  const keys = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))].slice(0, 4);
  return (
    <Panel title="Trials" note={`${trials.length} runs`} flush>
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
            cell: (trial: RunRecord) => metric(Number(trial.metrics[key] ?? Number.NaN)),
          })),
        ]}
      />
    </Panel>
  );
}
