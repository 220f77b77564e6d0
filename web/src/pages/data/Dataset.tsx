import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { datasetVersionsQuery, profileQuery, type DatasetVersion } from "@/api/rooms/data";
import { Facts } from "@/components/Facts";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel, PanelGrid } from "@/components/Panel";
import { When } from "@/components/When";
import { bytes, count } from "@/format/numbers";
import { moment } from "@/format/time";
import { Lineage } from "@/lineage/Lineage";
import { useProject } from "@/shell/project";
import { Checks } from "./Checks";
import { Profile } from "./Profile";
import { Rules } from "./Rules";

export function Dataset() {
  const name = useParams({ from: "/data/$dataset" }).dataset;
  const chosen = useSearch({ from: "/data/$dataset" }).version;
  const navigate = useNavigate({ from: "/data/$dataset" });
  const query = useQuery(datasetVersionsQuery(useProject(), name));
  const versions = query.data ?? [];
  const shown = versions.find(({ version }) => version === chosen) ?? versions[0];
  return (
    <Page
      title={name}
      crumbs={[{ label: "Data", to: "/data" }]}
      lead={
        shown && (
          <>
            {count(shown.rows)} rows, {shown.columns.length} columns, kept{" "}
            <When time={shown.created_at} /> by {shown.created_by}
          </>
        )
      }
      actions={
        shown && (
          <NativeSelect
            aria-label="Version"
            value={shown.version}
            data={versions.map(({ version }) => ({
              value: String(version),
              label: `Version ${version}`,
            }))}
            onChange={(event) =>
              void navigate({
                search: (before) => ({ ...before, version: Number(event.currentTarget.value) }),
              })
            }
          />
        )
      }
    >
      <Loaded query={query} height={420}>
        {() => shown && <VersionBody version={shown} />}
      </Loaded>
    </Page>
  );
}

function VersionBody({ version }: { version: DatasetVersion }) {
  const { project, name } = version;
  const profile = useQuery(profileQuery(project, name, String(version.version)));
  return (
    <>
      <PanelGrid least={420}>
        <Panel title={`Version ${version.version}`}>
          <Facts
            facts={[
              ["Source", version.source || "–"],
              ["Kept", moment(version.created_at)],
              ["Size", bytes(version.size)],
              ["Digest", <span className="mono">{version.digest}</span>],
            ]}
          />
        </Panel>
        <Checks version={version} />
      </PanelGrid>
      <Rules project={project} dataset={name} />
      <Loaded query={profile} height={420}>
        {(found) => <Profile columns={found.columns} rows={found.rows} />}
      </Loaded>
      <Panel title="Lineage">
        <Lineage node={`dataset:${version.id}`} />
      </Panel>
    </>
  );
}
