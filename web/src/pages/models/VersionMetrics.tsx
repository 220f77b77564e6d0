import { useMemo, useRef } from "react";
import { colourOf } from "@/charts/curveData";
import { Curves } from "@/charts/Curves";
import type { Picture } from "@/charts/exportPng";
import { SavePng } from "@/charts/SavePng";
import { Panel, PanelGrid } from "@/components/Panel";
import type { ModelVersion } from "@/api/rooms/registry";

const MOST = 4;

/** How each metric went from version to version. */
export function VersionMetrics({ versions }: { versions: readonly ModelVersion[] }) {
  const names = useMemo(
    () => [...new Set(versions.flatMap(({ metrics }) => Object.keys(metrics)))].slice(0, MOST),
    [versions],
  );
  if (versions.length < 2 || names.length === 0) return null;
  return (
    <PanelGrid least={320}>
      {names.map((name) => (
        <OverVersions key={name} name={name} versions={versions} />
      ))}
    </PanelGrid>
  );
}

function OverVersions({ name, versions }: { name: string; versions: readonly ModelVersion[] }) {
  const picture = useRef<() => Promise<Picture>>(null);
  const curves = useMemo(() => {
    const known = versions.filter(({ metrics }) => name in metrics).toReversed();
    const points = {
      steps: known.map(({ version }) => version),
      times: known.map(({ created_at }) => Date.parse(created_at)),
      values: known.map(({ metrics }) => Number(metrics[name])),
    };
    return [{ name, colour: colourOf(0), points }];
  }, [name, versions]);
  return (
    <Panel
      title={`${name} by version`}
      note={<SavePng title={`${name} by version`} picture={() => picture.current?.() ?? null} />}
    >
      <Curves
        label={`${name} by version`}
        curves={curves}
        x="step"
        log={false}
        smoothing={0}
        height={150}
        legend={false}
        onDrawn={(make) => {
          picture.current = make;
        }}
      />
    </Panel>
  );
}
