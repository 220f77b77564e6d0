import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { modelQuery, type ModelVersion } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import { metric } from "@/format/numbers";
import { useProject } from "@/shell/project";
import { CompareVersions } from "./CompareVersions";
import { VersionBadges } from "./VersionBadges";
import { VersionMetrics } from "./VersionMetrics";

const MOST_METRICS = 4;

export function Model() {
  const name = useParams({ from: "/models/$model" }).model;
  const query = useQuery(modelQuery(useProject(), name));
  return (
    <Page
      title={name}
      crumbs={[{ label: "Models", to: "/models" }]}
      lead={lead(query.data?.versions)}
    >
      {query.data && <VersionMetrics versions={query.data.versions} />}
      <Panel title="Versions" note={query.data && `${query.data.model.versions} so far`} flush>
        <Loaded query={query} height={240}>
          {({ versions }) => <Versions versions={versions} />}
        </Loaded>
      </Panel>
      {query.data && query.data.versions.length > 1 && (
        <Comparison model={name} versions={query.data.versions} />
      )}
    </Page>
  );
}

/** The champion beside the newest version, until others are chosen. */
function Comparison({ model, versions }: { model: string; versions: readonly ModelVersion[] }) {
  const search = useSearch({ from: "/models/$model" });
  const navigate = useNavigate({ from: "/models/$model" });
  const champion = versions.find((version) => version.aliases.includes("champion"));
  const newest = versions[0]?.version ?? 1;
  const before = champion && champion.version !== newest ? champion : versions[1];
  return (
    <CompareVersions
      project={useProject()}
      model={model}
      versions={versions}
      left={search.left ?? before?.version ?? newest}
      right={search.right ?? newest}
      onChange={(left, right) =>
        void navigate({
          search: (old) => ({ ...old, left, right }),
          replace: true,
          resetScroll: false,
        })
      }
    />
  );
}

function lead(versions: readonly ModelVersion[] | undefined): string | undefined {
  const champion = versions?.find((version) => version.aliases.includes("champion"));
  if (!versions) return undefined;
  if (!champion) return "No version is champion yet: none has passed its gates.";
  if (champion.status === "external")
    return `Version ${champion.version} is champion: registered by an MLflow client, without a package that could be deployed.`;
  return `Version ${champion.version} is champion: ${champion.family}, ${champion.task}.`;
}

function Versions({ versions }: { versions: readonly ModelVersion[] }) {
  const names = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))];
  return (
    <DataTable
      label="Versions"
      rows={versions}
      rowKey={(version) => version.id}
      columns={[
        {
          title: "Version",
          cell: ({ model, version }) => (
            <Link to="/models/$model/$version" params={{ model, version: String(version) }}>
              version {version}
            </Link>
          ),
        },
        { title: "Status", cell: (version) => <VersionBadges version={version} /> },
        {
          title: "Stage",
          cell: ({ stage }) => (stage === "None" ? <span className="soft">–</span> : stage),
        },
        { title: "Family", cell: (version) => version.family },
        ...names.slice(0, MOST_METRICS).map((name) => ({
          title: name,
          right: true,
          cell: ({ metrics }: ModelVersion) => metric(Number(metrics[name] ?? Number.NaN)),
        })),
        { title: "Registered", cell: (version) => <When time={version.created_at} /> },
      ]}
    />
  );
}
