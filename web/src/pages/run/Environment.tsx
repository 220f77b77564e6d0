import { useQuery } from "@tanstack/react-query";
import { comparedRunsQuery, type Run } from "@/api/rooms/tracking";
import { Command } from "@/components/Command";
import { Facts, type Fact } from "@/components/Facts";
import { Panel, PanelGrid } from "@/components/Panel";
import { count, short } from "@/format/numbers";
import { moment } from "@/format/time";

/** Which code ran where, and with which packages. */
export function Environment({ run }: { run: Run }) {
  const { code, environment } = run;
  const packages = useQuery(comparedRunsQuery(run.project, [run.id])).data?.packages;
  const pins = Object.entries(packages?.[environment?.digest ?? ""] ?? {});
  const facts: Fact[] = [
    ["Run", <span className="mono">{run.id}</span>],
    ["Started", moment(run.created_at)],
    ["Ended", moment(run.ended_at)],
    ["Seed", run.seed ?? "–"],
    ["Commit", code?.commit ? <span className="mono">{code.commit}</span> : "–"],
    [
      "Uncommitted changes",
      code?.diff_digest ? (
        <span className="mono" title={code.diff_digest}>
          {short(code.diff_digest)}
        </span>
      ) : code?.dirty ? (
        "yes"
      ) : (
        "none"
      ),
    ],
    ["Python", environment?.python ?? "–"],
    ["Platform", environment ? `${environment.platform}, ${environment.cpus} CPUs` : "–"],
    ...Object.entries(run.tags)
      .filter(([key]) => key.startsWith("mlflow.") && key !== "mlflow.note.content")
      .map(([key, value]): Fact => [key.replace("mlflow.", ""), value]),
  ];
  return (
    <>
      {run.command && <Command text={run.command} />}
      <PanelGrid>
        <Panel title="Where it came from">
          <Facts facts={facts} />
        </Panel>
        {pins.length > 0 && (
          <Panel title="Packages" note={count(pins.length)}>
            <div
              style={{ maxHeight: 460, overflow: "auto" }}
              tabIndex={0}
              role="region"
              aria-label="Packages"
            >
              <Facts facts={pins.map(([name, version]) => [name, version])} />
            </div>
          </Panel>
        )}
      </PanelGrid>
    </>
  );
}
