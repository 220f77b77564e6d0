import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { retrainingsQuery } from "@/api/rooms/automation";
import {
  deploymentQuery,
  releasesQuery,
  type Deployment as DeploymentRecord,
} from "@/api/rooms/deployment";
import { alertsQuery, windowsQuery } from "@/api/rooms/monitoring";
import { Command } from "@/components/Command";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel, PanelGrid } from "@/components/Panel";
import { Status } from "@/components/Status";
import { useProject } from "@/shell/project";
import { Alerts } from "./Alerts";
import { Drift } from "./Drift";
import { Graph } from "./Graph";
import { LiveTraffic } from "./LiveTraffic";
import { performanceMarks } from "./marks";
import { Moved } from "./Moved";
import { Parts } from "./Parts";
import { Performance } from "./Performance";
import { Releases } from "./Releases";
import { Replicas } from "./Replicas";
import { Rollouts } from "./Rollouts";
import { TryRule } from "./TryRule";
import { Variants } from "./Variants";

export function Deployment() {
  const name = useParams({ from: "/deployments/$deployment" }).deployment;
  const query = useQuery(deploymentQuery(useProject(), name));
  const found = query.data;
  return (
    <Page
      title={name}
      crumbs={[{ label: "Deployments", to: "/deployments" }]}
      badge={found && <Status word={found.health} />}
      lead={found?.endpoint && <span className="mono">{found.endpoint}</span>}
    >
      <Loaded query={query} height={420}>
        {(deployment) => <DeploymentBody deployment={deployment} />}
      </Loaded>
    </Page>
  );
}

function DeploymentBody({ deployment }: { deployment: DeploymentRecord }) {
  const { project, name } = deployment;
  const windows = useQuery(windowsQuery(project, name));
  const alerts = useQuery(alertsQuery(project));
  const retrainings = useQuery(retrainingsQuery(project)).data;
  const releases = useQuery(releasesQuery(project, name)).data ?? [];
  const marks = useMemo(
    () =>
      performanceMarks(
        windows.data ?? [],
        (retrainings ?? []).filter((r) => r.deployment === name),
      ),
    [windows.data, retrainings, name],
  );
  return (
    <>
      <PanelGrid least={420}>
        <Variants deployment={deployment} />
        <Panel title="Call it">
          {deployment.example ? (
            <Command text={deployment.example} />
          ) : (
            <span className="soft">The endpoint appears here once it answers.</span>
          )}
          <Replicas replicas={deployment.replicas} />
        </Panel>
      </PanelGrid>
      {deployment.variants[0] && (
        <Graph
          project={project}
          model={deployment.model}
          version={deployment.variants[0].version}
        />
      )}
      <LiveTraffic
        project={project}
        deployment={name}
        hasCanary={deployment.variants.some((variant) => variant.name === "canary")}
      />
      <Loaded query={windows} height={300}>
        {(found) => (
          <>
            <Performance windows={found} marks={marks} />
            <Parts windows={found} />
            <Drift windows={found} />
            <Moved windows={found} />
            <TryRule windows={found} project={project} deployment={name} />
          </>
        )}
      </Loaded>
      <PanelGrid least={420}>
        <Loaded query={alerts} height={200}>
          {(found) => (
            <Alerts
              alerts={found.filter((alert) => alert.deployment === name)}
              project={project}
              deployment={name}
            />
          )}
        </Loaded>
        <Rollouts rollouts={deployment.rollouts} model={deployment.model} />
        <Releases releases={releases} />
      </PanelGrid>
    </>
  );
}
