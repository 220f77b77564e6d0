import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { comparedRunsQuery } from "@/api/rooms/tracking";
import type { Schemas } from "@/api/client";
import { CopyLink } from "@/components/CopyLink";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { MetricPanels } from "@/curves/MetricPanels";
import { useProject } from "@/shell/project";
import type { CompareSearch } from "./compareSearch";
import { Differences } from "./Differences";
import { Importance } from "./Importance";
import { ParallelTab } from "./ParallelTab";
import { ScatterTab } from "./ScatterTab";

export type Compared = Schemas["ComparedRuns"];

const TABS: Record<string, string> = {
  curves: "Curves",
  parallel: "Parallel coordinates",
  scatter: "Scatter",
  importance: "Importance",
  differences: "Parameters and environment",
};

/** The chosen runs beside each other. Everything that is chosen here is part of the address. */
export function Compare() {
  const search = useSearch({ from: "/compare" });
  const query = useQuery(comparedRunsQuery(useProject(), search.runs ?? []));
  const found = query.data?.runs.length ?? 0;
  return (
    <Page
      wide
      title="Compare runs"
      crumbs={[{ label: "Runs", to: "/runs" }]}
      lead={found > 0 ? `${found} runs beside each other.` : undefined}
      actions={<CopyLink />}
    >
      {search.runs === undefined || search.runs.length === 0 ? (
        <Panel title="Nothing to compare">
          <EmptyState icon="runs" title="No run was chosen">
            Tick runs in <Link to="/runs">the table of runs</Link> and choose Compare.
          </EmptyState>
        </Panel>
      ) : (
        <Loaded query={query} height={420}>
          {(compared) => <Comparison compared={compared} />}
        </Loaded>
      )}
    </Page>
  );
}

/** Metrics by name; what was measured of the machine comes last. */
function inOrder(keys: ReadonlySet<string>): string[] {
  const system = (key: string) => Number(key.startsWith("system/"));
  return [...keys].sort((a, b) => system(a) - system(b) || a.localeCompare(b));
}

function Comparison({ compared }: { compared: Compared }) {
  const project = useProject();
  const search = useSearch({ from: "/compare" });
  const navigate = useNavigate({ from: "/compare" });
  const set = (part: CompareSearch) =>
    void navigate({
      search: (before) => ({ ...before, ...part }),
      replace: true,
      resetScroll: false,
    });
  const keys = useMemo(
    () => inOrder(new Set(compared.runs.flatMap((run) => Object.keys(run.metrics)))),
    [compared],
  );
  const tab = search.tab !== undefined && search.tab in TABS ? search.tab : "curves";
  return (
    <Tabs value={tab} onChange={(next) => set({ tab: next ?? undefined })} keepMounted={false}>
      <Tabs.List mb="lg">
        {Object.entries(TABS).map(([name, title]) => (
          <Tabs.Tab key={name} value={name}>
            {title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={tab} style={{ display: "grid", gap: "var(--gap)" }}>
        {tab === "curves" && (
          <MetricPanels
            project={project}
            runs={compared.runs}
            keys={keys}
            settings={search}
            onChange={set}
          />
        )}
        {tab === "parallel" && <ParallelTab compared={compared} search={search} onChange={set} />}
        {tab === "scatter" && <ScatterTab compared={compared} search={search} onChange={set} />}
        {tab === "importance" && <Importance keys={keys} search={search} onChange={set} />}
        {tab === "differences" && (
          <Differences
            compared={compared}
            all={search.all ?? false}
            onAll={(all) => set({ all: all || undefined })}
          />
        )}
      </Tabs.Panel>
    </Tabs>
  );
}
