import { Tabs } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import {
  cancelRun,
  hasEnded,
  pipelineRunQuery,
  type PipelineRunDetail,
} from "@/api/rooms/pipelines";
import { ConfirmButton } from "@/components/ConfirmButton";
import { Facts, Stats } from "@/components/Facts";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { count } from "@/format/numbers";
import { duration, moment } from "@/format/time";
import { Lineage } from "@/lineage/Lineage";
import { StartedBy } from "../pipelines/Pipelines";
import { Approvals } from "./Approvals";
import { Parameters } from "./Parameters";
import { RunGraph } from "./RunGraph";
import { Step } from "./Step";
import { Timings } from "./Timings";
import { took } from "./timing";

export function PipelineRun() {
  const id = useParams({ from: "/pipelines/$run" }).run;
  const query = useQuery(pipelineRunQuery(id));
  const run = query.data;
  return (
    <Page
      title={run?.name ?? "Pipeline run"}
      crumbs={[{ label: "Pipelines", to: "/pipelines" }]}
      badge={run && <Status word={run.status} />}
      lead={
        run && (
          <>
            Started by <StartedBy run={run} />, <When time={run.created} />
          </>
        )
      }
      actions={run && !hasEnded(run) && <Cancel run={run} />}
      wide
    >
      <Loaded query={query} height={420}>
        {(found) => <Body run={found} />}
      </Loaded>
    </Page>
  );
}

function Body({ run }: { run: PipelineRunDetail }) {
  const failed = run.tasks.find((task) => task.status === "failed");
  const [chosen, choose] = useState<string | null>(failed?.name ?? null);
  const task = run.tasks.find(({ name }) => name === chosen);
  return (
    <>
      <Panel title="In short">
        <Stats facts={summary(run)} />
        {run.cancelled_by && (
          <p style={{ margin: "12px 0 0" }}>
            <strong>{run.cancelled_by}</strong>{" "}
            {run.status === "cancelled" ? "cancelled it" : "asked for it to stop"}{" "}
            <When time={run.cancel_asked} />.
          </p>
        )}
        {run.error && (
          <p role="alert" style={{ color: "var(--bad)", margin: "12px 0 0" }}>
            {run.error.task && <strong>{run.error.task}: </strong>}
            {run.error.message}
          </p>
        )}
      </Panel>
      <Approvals run={run} />
      <Tabs defaultValue="steps" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="steps">Steps</Tabs.Tab>
          <Tabs.Tab value="timings">Timings</Tabs.Tab>
          <Tabs.Tab value="parameters">Parameters</Tabs.Tab>
          <Tabs.Tab value="origin">Origin</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="steps">
          <Panel title="Steps" note="choose one to see why it ran and what it said">
            <RunGraph run={run} chosen={chosen} choose={choose} />
          </Panel>
        </Tabs.Panel>
        <Tabs.Panel value="timings">
          <Panel title="Timings" note="choose a step to see more of it" flush>
            <Timings run={run} chosen={chosen} choose={choose} />
          </Panel>
        </Tabs.Panel>
        <Tabs.Panel value="parameters">
          <Parameters run={run} />
        </Tabs.Panel>
        <Tabs.Panel value="origin">
          <Panel title="Where it came from">
            <Facts
              facts={[
                ["Run", <span className="mono">{run.id}</span>],
                ["Code", <span className="mono">{run.entry_point}</span>],
                ["Queued", moment(run.created)],
                ["Began", moment(run.started)],
                ["Ended", moment(run.finished)],
                ["Workers", count(run.attempt)],
                ...Object.entries(run.cause ?? {}).map(
                  ([key, value]) => [key, String(value)] as const,
                ),
              ]}
            />
          </Panel>
          <Panel title="Lineage">
            <Lineage node={`pipeline-run:${run.id}`} />
          </Panel>
        </Tabs.Panel>
      </Tabs>
      {task && <Step run={run} task={task} key={task.name} />}
    </>
  );
}

function summary(run: PipelineRunDetail) {
  const has = (...words: string[]) =>
    run.tasks.filter((task) => words.includes(task.status)).length;
  return [
    ["Steps done", `${count(has("succeeded", "cached"))} of ${count(run.tasks.length)}`],
    ["From the cache", count(has("cached"))],
    ["Failed", count(has("failed"))],
    ["Cancelled", count(has("cancelled"))],
    ["Skipped", count(has("skipped"))],
    ["Took", duration(took(run))],
  ] as const;
}

function Cancel({ run }: { run: PipelineRunDetail }) {
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelRun(run.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["pipelines"] }),
  });
  return (
    <ConfirmButton
      label="Cancel the run"
      title={`Cancel this run of ${run.name}?`}
      explanation="Steps in progress are stopped. What is done stays done: a new run takes it from the cache."
      run={() => cancel.mutateAsync()}
      pending={cancel.isPending}
      error={cancel.error}
      variant="default"
    />
  );
}
