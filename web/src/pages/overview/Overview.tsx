import { useQuery } from "@tanstack/react-query";
import { deploymentsQuery } from "@/api/rooms/deployment";
import { alertsQuery } from "@/api/rooms/monitoring";
import { modelsQuery } from "@/api/rooms/registry";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { useProject } from "@/shell/project";
import { DeploymentCard } from "./DeploymentCard";
import { EventFeed } from "./EventFeed";
import { LatestRetrainings } from "./LatestRetrainings";
import { LatestRuns } from "./LatestRuns";
import { NextSteps } from "./NextSteps";
import { OpenAlerts } from "./OpenAlerts";
import css from "./Overview.module.css";

export function Overview() {
  const project = useProject();
  const deployments = useQuery(deploymentsQuery(project));
  const models = useQuery(modelsQuery(project));
  const alerts = useQuery(alertsQuery(project)).data ?? [];
  const open = alerts.filter((alert) => alert.status !== "resolved");
  return (
    <Page title={project} lead="How the models of this project are doing.">
      <div className={css.columns}>
        <div className={css.main}>
          <Loaded query={deployments} height={240}>
            {(found) => (
              <>
                {found.map((deployment) => (
                  <DeploymentCard
                    key={deployment.id}
                    deployment={deployment}
                    alerts={open.filter((alert) => alert.deployment === deployment.name).length}
                  />
                ))}
                <NextSteps deployed={found.length > 0} models={models.data} />
              </>
            )}
          </Loaded>
          <OpenAlerts alerts={open} />
          <LatestRetrainings project={project} />
          <LatestRuns project={project} />
        </div>
        <EventFeed project={project} />
      </div>
    </Page>
  );
}
