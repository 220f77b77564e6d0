import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { projectsQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { useProjectName } from "./project";

/** Shows the page once there is a project, and until then how to make one. */
export function ProjectGate({ children }: { children: ReactNode }) {
  const projects = useQuery(projectsQuery);
  const project = useProjectName();
  if (project !== null && projects.data) return children;
  return (
    <Page title="Welcome">
      <Panel title="Projects">
        <Loaded query={projects} height={180}>
          {() => (
            <EmptyState
              icon="overview"
              title="There is no project yet"
              command="mw init flights --data flights.csv --target late"
            >
              A project starts from a table and the column to predict. To see a whole year in the
              life of a model on real flights, run mw demo instead.
            </EmptyState>
          )}
        </Loaded>
      </Panel>
    </Page>
  );
}
