import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deploymentsQuery, type Deployment } from "@/api/rooms/deployment";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { percent } from "@/format/numbers";
import { useProject } from "@/shell/project";

export function Deployments() {
  const query = useQuery(deploymentsQuery(useProject()));
  return (
    <Page title="Deployments" lead="What answers requests, and which versions are behind it.">
      <Panel title="Endpoints" flush>
        <Loaded query={query} height={200}>
          {(deployments) =>
            deployments.length === 0 ? (
              <EmptyState icon="deployment" title="Nothing is deployed yet" command="mw deploy">
                A deployment serves the champion of a model and keeps serving it, whichever process
                ends.
              </EmptyState>
            ) : (
              <DeploymentTable deployments={deployments} />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function DeploymentTable({ deployments }: { deployments: readonly Deployment[] }) {
  return (
    <DataTable
      label="Deployments"
      rows={deployments}
      rowKey={(deployment) => deployment.id}
      columns={[
        {
          title: "Deployment",
          cell: ({ name }) => (
            <Link to="/deployments/$deployment" params={{ deployment: name }}>
              {name}
            </Link>
          ),
        },
        { title: "Health", cell: ({ health }) => <Status word={health} /> },
        {
          title: "Serves",
          cell: ({ model, variants }) =>
            variants.map((variant) => (
              <span key={variant.name} style={{ marginRight: 12 }}>
                <Link
                  to="/models/$model/$version"
                  params={{ model, version: String(variant.version) }}
                >
                  {model} version {variant.version}
                </Link>{" "}
                <span className="soft">
                  {variant.name}, {percent(variant.share)}
                </span>
              </span>
            )),
        },
        {
          title: "Endpoint",
          cell: ({ endpoint }) => <span className="mono">{endpoint ?? "–"}</span>,
        },
      ]}
    />
  );
}
