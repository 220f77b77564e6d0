import { SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { pipelineRunsQuery, type PipelineRun, type RunStatus } from "@/api/rooms/pipelines";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Icon } from "@/components/Icon";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { duration } from "@/format/time";
import { useProject } from "@/shell/project";
import { took } from "../pipelineRun/timing";
import { Outcomes } from "./Outcomes";

const STATUSES = ["all", "running", "waiting", "queued", "succeeded", "failed"] as const;

export function Pipelines() {
  const [status, setStatus] = useState<(typeof STATUSES)[number]>("all");
  const [typed, setTyped] = useState("");
  const [name] = useDebouncedValue(typed.trim(), 200);
  const query = useQuery(
    pipelineRunsQuery(useProject(), {
      ...(status !== "all" && { status: status satisfies RunStatus }),
      ...(name && { name }),
    }),
  );
  return (
    <Page
      title="Pipelines"
      lead="What ran, what started it, and how it ended. A step whose code and inputs did not change is taken from the cache."
      actions={<Link to="/schedules">Schedules and triggers</Link>}
    >
      <Outcomes />
      <Panel
        title="Runs"
        note={
          <div style={{ display: "flex", gap: 12, flexWrap: "wrap" }}>
            <TextInput
              size="xs"
              aria-label="Pipeline"
              placeholder="Pipeline"
              leftSection={<Icon name="search" size={14} />}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <SegmentedControl
              size="xs"
              aria-label="Status"
              value={status}
              onChange={(value) => setStatus(value as typeof status)}
              data={STATUSES.map((value) => ({ value, label: value }))}
            />
          </div>
        }
        flush
      >
        <Loaded query={query} height={320}>
          {({ pipeline_runs }) =>
            pipeline_runs.length === 0 ? (
              <EmptyState icon="pipeline" title="No pipeline has run here" command="mw run">
                {name || status !== "all"
                  ? "No run is like that."
                  : "A pipeline is a function that calls steps."}
              </EmptyState>
            ) : (
              <RunTable runs={pipeline_runs} />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function RunTable({ runs }: { runs: readonly PipelineRun[] }) {
  return (
    <DataTable
      label="Pipeline runs"
      rows={runs}
      rowKey={(run) => run.id}
      columns={[
        {
          title: "Pipeline",
          cell: (run) => (
            <Link to="/pipelines/$run" params={{ run: run.id }}>
              {run.name}
            </Link>
          ),
        },
        { title: "Status", cell: (run) => <Status word={run.status} /> },
        { title: "Started by", cell: (run) => <StartedBy run={run} /> },
        { title: "When", cell: (run) => <When time={run.created} /> },
        { title: "Took", right: true, cell: (run) => duration(took(run)) },
        {
          title: "Outcome",
          cell: (run) => (
            <div className="soft" style={{ maxWidth: "52ch" }}>
              {run.error?.message ?? ""}
            </div>
          ),
        },
      ]}
    />
  );
}

const WORDS: Record<string, string> = {
  manual: "hand",
  api: "a call",
  alert: "an alert",
  dataset: "new data",
  upstream: "another pipeline",
  webhook: "an event",
};

/** What started a run, with what is known of it. */
export function StartedBy({ run }: { run: PipelineRun }) {
  const cause = run.cause ?? {};
  const named = cause.schedule ?? cause.trigger ?? cause.by;
  return (
    <>
      {WORDS[run.trigger ?? "manual"] ?? run.trigger}
      {named != null && <span className="soft"> · {String(named)}</span>}
    </>
  );
}
