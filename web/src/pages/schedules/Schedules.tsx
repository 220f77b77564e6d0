import { useQuery } from "@tanstack/react-query";
import { schedulesQuery, triggersQuery } from "@/api/rooms/schedules";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { useProject } from "@/shell/project";
import { ScheduleTable } from "./ScheduleTable";
import { TriggerTable } from "./TriggerTable";

export function Schedules() {
  const project = useProject();
  const schedules = useQuery(schedulesQuery(project));
  const triggers = useQuery(triggersQuery(project));
  return (
    <Page
      title="Schedules and triggers"
      crumbs={[{ label: "Pipelines", to: "/pipelines" }]}
      lead="When pipelines start by themselves: by the clock, or because something happened. Declared in millwright.yaml, or added with mw schedules and mw triggers."
    >
      <Panel title="By the clock" flush>
        <Loaded query={schedules} height={200}>
          {(found) =>
            found.length === 0 ? (
              <EmptyState
                icon="clock"
                title="Nothing starts by the clock"
                command="mw schedules create nightly --pipeline train --cron '30 2 * * *'"
              />
            ) : (
              <ScheduleTable schedules={found} />
            )
          }
        </Loaded>
      </Panel>
      <Panel title="By what happens" flush>
        <Loaded query={triggers} height={160}>
          {(found) =>
            found.length === 0 ? (
              <EmptyState
                icon="pipeline"
                title="Nothing is waited for"
                command="mw triggers create drifted --pipeline train --when alert --kind data_drift --cooldown 12h"
              />
            ) : (
              <TriggerTable triggers={found} />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
