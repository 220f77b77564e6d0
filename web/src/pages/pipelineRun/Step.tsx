import type { PipelineRunDetail, Task } from "@/api/rooms/pipelines";
import { Facts, type Fact } from "@/components/Facts";
import { Panel, PanelGrid } from "@/components/Panel";
import { Status } from "@/components/Status";
import { bytes, count, short } from "@/format/numbers";
import { duration, moment } from "@/format/time";
import { StepLog } from "./StepLog";

/** One step of a run: why it ran or did not, what it made, what it said. */
export function Step({ run, task }: { run: PipelineRunDetail; task: Task }) {
  const outputs = Object.entries(task.outputs ?? {});
  return (
    <>
      <PanelGrid>
        <Panel title={task.name} note={<Status word={task.status} />}>
          <Facts facts={facts(run, task)} />
        </Panel>
        <Panel title="What it made">
          {outputs.length === 0 ? (
            <span className="soft">Nothing yet.</span>
          ) : (
            <Facts
              facts={outputs.map(([name, artifact]): Fact => [
                name,
                <>
                  {artifact.kind}, {bytes(artifact.size)}{" "}
                  <span className="mono soft">{short(artifact.digest)}</span>
                </>,
              ])}
            />
          )}
        </Panel>
      </PanelGrid>
      {task.error && (
        <Panel title="Why it failed" note={task.error.kind}>
          <pre className="mono" style={{ whiteSpace: "pre-wrap", margin: 0 }}>
            {task.error.traceback ?? task.error.message}
          </pre>
        </Panel>
      )}
      {task.attempt > 0 && <StepLog run={run.id} task={task} key={task.attempt} />}
    </>
  );
}

function facts(run: PipelineRunDetail, task: Task): Fact[] {
  const node = run.graph.nodes.find(({ name }) => name === task.name);
  return [
    ["Why", <Why task={task} />],
    ["Function", <span className="mono">{node?.step ?? "–"}</span>],
    ["Began", moment(task.started)],
    ["Took", duration(task.duration_ms)],
    ["Tries", `${count(task.attempt)} of ${count((node?.retries ?? 0) + 1)}`],
    ["Fingerprint", <span className="mono">{short(task.cache_key)}</span>],
  ];
}

/** What the cache said of a step: the part of its fingerprint that was new. */
function Why({ task }: { task: Task }) {
  const reasons = task.reason ?? [];
  if (task.status === "cached") return <>nothing that it depends on has changed</>;
  if (reasons.length === 0) {
    return <>{task.attempt > 0 ? "there was no earlier result" : "it has not run"}</>;
  }
  return (
    <ul style={{ margin: 0, paddingLeft: 18 }}>
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}
