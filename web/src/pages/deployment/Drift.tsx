import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Window } from "@/api/rooms/monitoring";
import { HeatMap, type Cell } from "@/charts/HeatMap";
import { EmptyState } from "@/components/EmptyState";
import { Panel } from "@/components/Panel";
import { metric, percent } from "@/format/numbers";
import { shortDay } from "@/format/time";

type ColumnDrift = Window["features"][number];

const PREDICTION = "prediction";
const MOST_WINDOWS = 60;
const FIRST_FEATURES = 16;

/** How far each feature of each window is from what the model was trained on. */
export function Drift({ windows }: { windows: readonly Window[] }) {
  const [all, setAll] = useState(false);
  const recent = windows.slice(-MOST_WINDOWS);
  const names = useMemo(() => mostDriftedFirst(recent), [recent]);
  const found = useMemo(
    () => recent.map((w) => new Map([...drifts(w)].map((d) => [d.feature, d] as const))),
    [recent],
  );
  const last = recent.at(-1);
  if (names.length === 0 || !last) {
    return (
      <Panel title="Drift">
        <EmptyState icon="clock" title="No window has been measured yet">
          A window is measured once it holds enough predictions to compare with the training data.
        </EmptyState>
      </Panel>
    );
  }
  const lookUp = (row: number, column: number) => {
    const drift = found[column]?.get(names[row] ?? "");
    return drift ? cellOf(drift) : null;
  };
  return (
    <Panel
      title="Drift by feature and window"
      note={`latest window: ${percent(last.drifted_share)} of features drifted`}
    >
      <HeatMap
        label="Drift by feature and window"
        rows={all ? names : names.slice(0, FIRST_FEATURES)}
        columns={recent.map((w) => shortDay(w.start_ms))}
        cell={lookUp}
      />
      {names.length > FIRST_FEATURES && (
        <Button variant="subtle" size="xs" mt="xs" onClick={() => setAll(!all)}>
          {all ? "Show the most drifted only" : `Show all ${names.length}`}
        </Button>
      )}
    </Panel>
  );
}

function drifts(window: Window): ColumnDrift[] {
  const { prediction, features } = window;
  return prediction ? [{ ...prediction, feature: PREDICTION }, ...features] : [...features];
}

function mostDriftedFirst(windows: readonly Window[]): string[] {
  const most = new Map<string, number>();
  for (const drift of windows.flatMap(drifts)) {
    const share = drift.feature === PREDICTION ? Infinity : drift.value / (drift.threshold || 1);
    most.set(drift.feature, Math.max(most.get(drift.feature) ?? 0, share));
  }
  return [...most].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name);
}

function cellOf(drift: ColumnDrift): Cell {
  const verdict = drift.drifted ? "drifted" : "not drifted";
  const missing =
    Math.abs(drift.missing_change) >= 0.01
      ? `, missing ${drift.missing_change > 0 ? "+" : "−"}${percent(Math.abs(drift.missing_change), 1)}`
      : "";
  const unseen =
    drift.new_share >= 0.01 ? `, ${percent(drift.new_share, 1)} outside the training range` : "";
  return {
    value: drift.value,
    threshold: drift.threshold,
    drifted: drift.drifted,
    text:
      `${drift.statistic.replaceAll("_", " ")} ${metric(drift.value)}, ` +
      `threshold ${metric(drift.threshold)}, ${verdict}${missing}${unseen} (${drift.rows} rows)`,
  };
}
