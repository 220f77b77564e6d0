import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deploymentsQuery } from "@/api/rooms/deployment";
import type { ModelVersion } from "@/api/rooms/registry";
import { Command } from "@/components/Command";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";

/** How to ask this version for a prediction: through each deployment that serves it. */
export function CallTab({ version }: { version: ModelVersion }) {
  const query = useQuery(deploymentsQuery(version.project));
  return (
    <Panel title="How to call">
      <Loaded query={query} height={160}>
        {(deployments) => {
          const serving = deployments.filter((deployment) =>
            deployment.variants.some((variant) => variant.version_id === version.id),
          );
          if (serving.length === 0) {
            return (
              <EmptyState
                icon="deployment"
                title="No deployment serves this version"
                command={`mw deploy ${version.model} --version ${version.version}`}
              />
            );
          }
          return serving.map((deployment) => (
            <div key={deployment.id} style={{ display: "grid", gap: 8, marginBottom: 16 }}>
              <p style={{ margin: 0 }}>
                <Link to="/deployments/$deployment" params={{ deployment: deployment.name }}>
                  {deployment.name}
                </Link>{" "}
                <span className="soft mono">{deployment.endpoint}</span>
              </p>
              {deployment.example && <Command text={deployment.example} />}
            </div>
          ));
        }}
      </Loaded>
    </Panel>
  );
}
