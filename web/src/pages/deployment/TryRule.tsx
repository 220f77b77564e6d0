import { Group, NumberInput, SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { rulePreviewQuery, type TriedRule, type Window } from "@/api/rooms/monitoring";
import { Command } from "@/components/Command";
import { Panel } from "@/components/Panel";
import { count, metric } from "@/format/numbers";
import { day } from "@/format/time";

interface Props {
  windows: readonly Window[];
  project: string;
  deployment: string;
}

/** How often a rule would have fired so far, and the lines that make it one. */
export function TryRule({ windows, project, deployment }: Props) {
  const names = valuesOf(windows);
  const [value, setValue] = useState<string | null>(null);
  const [side, setSide] = useState<"above" | "below">("above");
  const [limit, setLimit] = useState<number | string>("");
  const rule: TriedRule | null =
    value !== null && typeof limit === "number" ? { value, [side]: limit } : null;
  if (names.length === 0) return null;
  return (
    <Panel
      title="Try an alert rule"
      note="on the windows that there are; rules stand in millwright.yaml"
    >
      <Group align="end" gap="sm">
        <Select
          label="Value"
          searchable
          w={320}
          data={names}
          value={value}
          onChange={setValue}
          placeholder="a metric, drift.COLUMN, …"
        />
        <SegmentedControl
          aria-label="Side of the limit"
          data={["above", "below"]}
          value={side}
          onChange={(chosen) => setSide(chosen === "below" ? "below" : "above")}
        />
        <NumberInput label="Limit" w={140} value={limit} onChange={setLimit} hideControls />
      </Group>
      {rule && <Found project={project} deployment={deployment} rule={rule} />}
    </Panel>
  );
}

function Found(props: { project: string; deployment: string; rule: TriedRule }) {
  const { project, deployment, rule } = props;
  const { data, error } = useQuery(rulePreviewQuery(project, deployment, rule));
  if (error) return <p className="soft">{error.message}</p>;
  if (!data) return null;
  const side = rule.above === undefined ? "below" : "above";
  return (
    <>
      <p>
        In {count(data.judged)} windows it was {metric(data.lowest ?? 0)} to{" "}
        {metric(data.highest ?? 0)}: the rule would have fired in {count(data.fired)} of them and
        raised <strong>{count(data.alerts)}</strong> {data.alerts === 1 ? "alert" : "alerts"}
        {data.at.length > 0 && `, the last on ${day(data.at.at(-1) ?? "")}`}.
      </p>
      <Command text={`my-rule: {value: "${rule.value}", ${side}: ${rule.above ?? rule.below}}`} />
    </>
  );
}

/** The values that rules may name in the latest windows. */
function valuesOf(windows: readonly Window[]): string[] {
  const known = new Set<string>();
  for (const window of windows.slice(-20)) {
    for (const found of window.performance) known.add(found.metric);
    for (const { feature } of window.features) {
      known.add(`drift.${feature}`).add(`missing.${feature}`).add(`new.${feature}`);
    }
    for (const gap of window.fairness) known.add(`fairness.${gap.column}.${gap.gap}`);
    for (const part of window.segments) {
      if (part.low == null) continue;
      for (const name of Object.keys(part.metrics)) {
        known.add(`segment.${part.column}.${part.name}.${name}`);
      }
    }
  }
  if (windows.length === 0) return [];
  const plain = ["rows", "labelled_share", "error_rate", "drifted_share", "prediction_drift"];
  return [...plain, "p50_ms", "p95_ms", "p99_ms", ...[...known].sort()];
}
