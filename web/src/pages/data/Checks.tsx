import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  checksQuery,
  checkVersion,
  type DatasetVersion,
  type VersionCheck,
} from "@/api/rooms/data";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Status, type Tone } from "@/components/Status";
import { Timeline } from "@/components/Timeline";
import { When } from "@/components/When";
import { count } from "@/format/numbers";
import { checkText } from "./checkText";
import { Override } from "./Override";

const TONES: Record<VersionCheck["verdict"], Tone> = {
  passed: "ok",
  warned: "warn",
  blocked: "bad",
};
const SHOWN = 8;

/** What the latest check of this version found. */
export function Checks({ version }: { version: DatasetVersion }) {
  const { project, name } = version;
  const number = String(version.version);
  const query = useQuery(checksQuery(project, name, number));
  const queries = useQueryClient();
  const check = useMutation({
    mutationFn: () => checkVersion(project, name, number),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["data"] }),
  });
  return (
    <Panel
      title="Checks"
      note={
        <Button
          size="compact-sm"
          variant="default"
          loading={check.isPending}
          onClick={() => check.mutate()}
        >
          Check now
        </Button>
      }
    >
      {check.error && <p role="alert">{check.error.message}</p>}
      <Loaded query={query} height={140}>
        {([latest]) =>
          latest ? (
            <Report check={latest} version={version} />
          ) : (
            <EmptyState icon="check" title="This version has not been checked yet" />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Report({ check, version }: { check: VersionCheck; version: DatasetVersion }) {
  const failures = check.report.results.filter((result) => !result.passed);
  const passed = check.report.results.length - failures.length;
  return (
    <>
      <p style={{ margin: "0 0 12px" }}>
        <Status word={check.verdict} tone={TONES[check.verdict]} /> {passed} of{" "}
        {check.report.results.length} checks hold, all {count(check.report.rows_read)} rows read,{" "}
        <span className="soft">
          <When time={check.created_at} />
        </span>
      </p>
      <Override version={version} check={check} />
      {check.report.quarantined > 0 && <Quarantined check={check} />}
      <Timeline
        label="Checks that do not hold"
        moments={failures.slice(0, SHOWN).map(({ check, message, examples }) => ({
          key: check.id,
          tone: check.status === "confirmed" && check.severity === "block" ? "bad" : "warn",
          icon: "warning",
          title: checkText(check),
          detail: `${message}${examples.length > 0 ? ` For example row ${examples.map((e) => `${e.row}: ${e.value ?? "missing"}`).join("; row ")}.` : ""}`,
        }))}
      />
    </>
  );
}

function Quarantined({ check }: { check: VersionCheck }) {
  const rows = count(check.report.quarantined);
  const [dataset, number] = check.kept_as?.split("@") ?? [];
  if (!dataset) return <p className="soft">{rows} broken rows are kept apart.</p>;
  return (
    <p className="soft">
      {rows} broken rows are kept apart, each with what it breaks:{" "}
      <Link
        to="/data/$dataset"
        params={{ dataset }}
        search={{ version: Number(number), tab: "content" }}
      >
        {check.kept_as}
      </Link>
    </p>
  );
}
