import { NativeSelect, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { datasetVersionsQuery, type DatasetVersion } from "@/api/rooms/data";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { When } from "@/components/When";
import { count } from "@/format/numbers";
import { Lineage } from "@/lineage/Lineage";
import { useProject } from "@/shell/project";
import { Changes } from "./Changes";
import { Content } from "./Content";
import { Profile } from "./Profile";
import { Quality } from "./Quality";
import { Versions } from "./Versions";
import css from "./Dataset.module.css";

interface Shown {
  version: DatasetVersion;
  versions: readonly DatasetVersion[];
}

type Tab = readonly [title: string, show: (shown: Shown) => ReactNode, of?: "table"];

const TABS = {
  versions: ["Versions", (shown) => <Versions {...shown} />],
  content: ["Content", ({ version }) => <Content key={version.id} version={version} />],
  profile: ["Profile", ({ version }) => <Profile version={version} />, "table"],
  quality: ["Quality", ({ version }) => <Quality version={version} />, "table"],
  changes: ["Changes", (shown) => <Changes key={shown.version.id} {...shown} />],
  lineage: ["Lineage", ({ version }) => <Lineage node={`dataset:${version.id}`} />],
} satisfies Record<string, Tab>;

type TabName = keyof typeof TABS;

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
      lead={shown && <Summary version={shown} />}
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
        {() => shown && <DatasetTabs version={shown} versions={versions} />}
      </Loaded>
    </Page>
  );
}

function Summary({ version }: { version: DatasetVersion }) {
  return (
    <>
      {version.kind === "table"
        ? `${count(version.rows)} rows, ${version.columns.length} columns`
        : `${count(version.files)} files`}
      , kept <When time={version.created_at} /> by {version.created_by}
    </>
  );
}

function DatasetTabs(shown: Shown) {
  const chosen = useSearch({ from: "/data/$dataset" }).tab;
  const navigate = useNavigate({ from: "/data/$dataset" });
  const tabs = (Object.entries(TABS) as [TabName, Tab][]).filter(
    ([, [, , only]]) => only === undefined || only === shown.version.kind,
  );
  const tab = tabs.find(([name]) => name === chosen)?.[0] ?? "versions";
  const open = (next: string | null) =>
    void navigate({
      search: (before) => ({ ...before, tab: next ?? undefined }),
      replace: true,
      resetScroll: false,
    });
  return (
    <Tabs value={tab} onChange={open} keepMounted={false}>
      <Tabs.List mb="lg">
        {tabs.map(([name, [title]]) => (
          <Tabs.Tab key={name} value={name}>
            {title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map(([name, [, show]]) => (
        <Tabs.Panel key={name} value={name} className={css.tab}>
          {name === tab && show(shown)}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
