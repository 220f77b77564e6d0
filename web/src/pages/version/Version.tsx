import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { versionQuery, type ModelVersion } from "@/api/rooms/registry";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { When } from "@/components/When";
import { Discussion } from "@/discussion/Discussion";
import { Lineage } from "@/lineage/Lineage";
import { VersionBadges } from "@/pages/models/VersionBadges";
import { useProject } from "@/shell/project";
import { ApprovalsTab } from "./ApprovalsTab";
import { CallTab } from "./CallTab";
import { CardTab } from "./CardTab";
import { EvaluationTab } from "./EvaluationTab";
import { FilesTab } from "./FilesTab";
import { SignatureTab } from "./SignatureTab";

const TABS = {
  card: ["Card", (version) => <CardTab version={version} />],
  evaluation: ["Evaluation", (version) => <EvaluationTab version={version} />],
  lineage: ["Lineage", (version) => <Lineage node={`model-version:${version.id}`} />],
  signature: ["Signature", (version) => <SignatureTab version={version} />],
  files: ["Files", (version) => <FilesTab version={version} />],
  approvals: ["Aliases and approvals", (version) => <ApprovalsTab version={version} />],
  comments: ["Comments", (version) => <Discussion subject={`model-version:${version.id}`} />],
  call: ["How to call", (version) => <CallTab version={version} />],
} satisfies Record<string, [string, (version: ModelVersion) => React.ReactNode]>;

type TabName = keyof typeof TABS;

export function Version() {
  const { model, version: number } = useParams({ from: "/models/$model/$version" });
  const query = useQuery(versionQuery(useProject(), model, number));
  const found = query.data;
  return (
    <Page
      title={`${model} version ${found?.version ?? number}`}
      crumbs={[
        { label: "Models", to: "/models" },
        { label: model, to: `/models/${model}` },
      ]}
      badge={found && <VersionBadges version={found} />}
      lead={found && <Summary version={found} />}
    >
      <Loaded query={query} height={420}>
        {(version) => <VersionTabs version={version} />}
      </Loaded>
    </Page>
  );
}

function Summary({ version }: { version: ModelVersion }) {
  return (
    <>
      {version.status === "external"
        ? "From an MLflow client: it has no package and cannot be deployed"
        : `${version.family} for ${version.task}`}{" "}
      · registered <When time={version.created_at} /> by {version.actor}
      {version.run && (
        <>
          {" · from "}
          <Link to="/runs/$run" params={{ run: version.run }}>
            this run
          </Link>
        </>
      )}
    </>
  );
}

function VersionTabs({ version }: { version: ModelVersion }) {
  const chosen = useSearch({ from: "/models/$model/$version" }).tab;
  const navigate = useNavigate({ from: "/models/$model/$version" });
  const tab: TabName = chosen && chosen in TABS ? (chosen as TabName) : "card";
  const open = (next: string | null) =>
    void navigate({
      search: (before) => ({ ...before, tab: next ?? undefined }),
      replace: true,
      resetScroll: false,
    });
  return (
    <Tabs value={tab} onChange={open} keepMounted={false}>
      <Tabs.List mb="lg">
        {Object.entries(TABS).map(([name, [title]]) => (
          <Tabs.Tab key={name} value={name}>
            {title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {Object.entries(TABS).map(([name, [, show]]) => (
        <Tabs.Panel key={name} value={name}>
          {name === tab && show(version)}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
