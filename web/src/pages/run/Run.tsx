import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { runQuery, type Run as RunRecord } from "@/api/rooms/tracking";
import { CopyLink } from "@/components/CopyLink";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { MetricPanels } from "@/curves/MetricPanels";
import type { CurveSettings } from "@/curves/settings";
import { Discussion } from "@/discussion/Discussion";
import { duration } from "@/format/time";
import { Lineage } from "@/lineage/Lineage";
import { Artifacts } from "./Artifacts";
import { Environment } from "./Environment";
import { Logs } from "./Logs";
import { RunOverview } from "./RunOverview";
import type { RunSearch } from "./runSearch";
import css from "./Run.module.css";

/** Metrics of the machine rather than of the model; MLflow's clients and ours name them so. */
const SYSTEM = "system/";

interface TabProps {
  run: RunRecord;
  search: RunSearch;
  set: (part: RunSearch) => void;
}

const TABS: Record<string, [title: string, show: (props: TabProps) => ReactNode]> = {
  overview: ["Overview", ({ run }) => <RunOverview run={run} />],
  metrics: ["Metrics", (props) => <Measured {...props} system={false} />],
  system: ["System", (props) => <Measured {...props} system />],
  artifacts: [
    "Artifacts",
    ({ run, search, set }) => (
      <Artifacts run={run.id} shown={search.file} onShow={(file) => set({ file })} />
    ),
  ],
  logs: ["Logs", ({ run }) => <Logs run={run} />],
  environment: ["Code and environment", ({ run }) => <Environment run={run} />],
  lineage: ["Lineage", ({ run }) => <Lineage node={`run:${run.id}`} />],
  comments: ["Comments", ({ run }) => <Discussion subject={`run:${run.id}`} />],
};

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
      actions={<CopyLink />}
    >
      <Loaded query={query} height={320}>
        {(found) => <RunTabs run={found} />}
      </Loaded>
    </Page>
  );
}

function Summary({ run }: { run: RunRecord }) {
  return (
    <>
      <Link to="/runs" search={{ experiment: run.experiment }}>
        {run.experiment}
      </Link>{" "}
      · started <When time={run.created_at} /> by {run.actor}
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

function RunTabs({ run }: { run: RunRecord }) {
  const search = useSearch({ from: "/runs/$run" });
  const navigate = useNavigate({ from: "/runs/$run" });
  const set = (part: RunSearch) =>
    void navigate({
      search: (before) => ({ ...before, ...part }),
      replace: true,
      resetScroll: false,
    });
  const hasSystem = Object.keys(run.metrics).some((key) => key.startsWith(SYSTEM));
  const tab = search.tab !== undefined && search.tab in TABS ? search.tab : "overview";
  return (
    <Tabs value={tab} onChange={(next) => set({ tab: next ?? undefined })} keepMounted={false}>
      <Tabs.List mb="lg">
        {Object.entries(TABS)
          .filter(([name]) => name !== "system" || hasSystem || tab === name)
          .map(([name, [title]]) => (
            <Tabs.Tab key={name} value={name}>
              {title}
            </Tabs.Tab>
          ))}
      </Tabs.List>
      <Tabs.Panel value={tab} className={css.panel}>
        {TABS[tab]?.[1]({ run, search, set })}
      </Tabs.Panel>
    </Tabs>
  );
}

function Measured({ run, search, set, system }: TabProps & { system: boolean }) {
  const keys = Object.keys(run.metrics).filter((key) => key.startsWith(SYSTEM) === system);
  return (
    <MetricPanels
      project={run.project}
      runs={[{ id: run.id, name: run.name }]}
      keys={keys}
      settings={search}
      onChange={(part: CurveSettings) => set(part)}
    />
  );
}
