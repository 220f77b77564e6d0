import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { curvesQuery, type Curve } from "@/api/rooms/tracking";
import { Bars } from "@/charts/Bars";
import { colourOf, dashOf } from "@/charts/curveData";
import { Curves } from "@/charts/Curves";
import type { Picture } from "@/charts/exportPng";
import { SavePng } from "@/charts/SavePng";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel, PanelGrid } from "@/components/Panel";
import { count, metric } from "@/format/numbers";
import { CurveControls } from "./CurveControls";
import type { CurveSettings } from "./settings";
import css from "./Curves.module.css";

const AT_ONCE = 12;

interface Props {
  project: string;
  runs: readonly { id: string; name: string }[];
  keys: readonly string[];
  settings: CurveSettings;
  onChange: (part: CurveSettings) => void;
}

/** A panel for each metric, with the curve of each run in it; they follow the runs live. */
export function MetricPanels({ project, runs, keys, settings, onChange }: Props) {
  const [most, setMost] = useState(AT_ONCE);
  const wanted = settings.find?.toLowerCase() ?? "";
  const found = useMemo(
    () => keys.filter((key) => key.toLowerCase().includes(wanted)),
    [keys, wanted],
  );
  const shown = found.slice(0, most);
  const ids = runs.map(({ id }) => id);
  const query = useQuery(curvesQuery(project, ids, shown));
  if (keys.length === 0) {
    return <EmptyState icon="runs" title="No metric was logged" />;
  }
  return (
    <>
      <CurveControls settings={settings} onChange={onChange} />
      <Loaded query={query} height={320}>
        {(curves) => (
          <PanelGrid least={380}>
            {shown.map((key) => (
              <MetricPanel
                key={key}
                project={project}
                metricKey={key}
                runs={runs}
                curves={curves.filter((curve) => curve.key === key)}
                settings={settings}
              />
            ))}
          </PanelGrid>
        )}
      </Loaded>
      {found.length > shown.length && (
        <div className={css.more}>
          <Button variant="default" size="xs" onClick={() => setMost(most + AT_ONCE)}>
            Show more of {count(found.length)} metrics
          </Button>
        </div>
      )}
    </>
  );
}

interface PanelProps {
  project: string;
  metricKey: string;
  runs: readonly { id: string; name: string }[];
  curves: readonly Curve[];
  settings: CurveSettings;
}

function MetricPanel({ project, metricKey, runs, curves, settings }: PanelProps) {
  const [range, setRange] = useState<{ first: number; last: number } | null>(null);
  const picture = useRef<() => Promise<Picture>>(null);
  const ids = runs.map(({ id }) => id);
  const closer = useQuery({
    ...curvesQuery(project, ids, [metricKey], range),
    enabled: range !== null,
  });
  const shown = range && closer.data ? closer.data : curves;
  const places = new Map(runs.map(({ id }, index) => [id, index]));
  const drawn = useMemo(
    () =>
      shown.map((curve) => {
        const place = runs.findIndex(({ id }) => id === curve.run);
        return {
          name: runs[place]?.name ?? curve.run,
          colour: colourOf(place),
          dash: dashOf(place),
          points: curve,
        };
      }),
    [shown, runs],
  );
  const single = curves.every(({ values }) => values.length < 2);
  const points = Math.max(0, ...curves.map(({ values }) => values.length));
  return (
    <Panel
      title={metricKey}
      note={
        <>
          {range && (
            <Button size="compact-xs" variant="subtle" onClick={() => setRange(null)}>
              Whole range
            </Button>
          )}
          {!single && <SavePng title={metricKey} picture={() => picture.current?.() ?? null} />}
          {!single && runs.length === 1 && `${count(points)} points`}
        </>
      }
    >
      {single ? (
        <Bars
          label={`${metricKey} by run`}
          rows={curves.map((curve) => ({
            name: runs[places.get(curve.run) ?? 0]?.name ?? curve.run,
            value: curve.values[0] ?? 0,
          }))}
          format={metric}
        />
      ) : (
        <Curves
          label={`${metricKey} by ${settings.x ?? "step"}`}
          curves={drawn}
          x={settings.x ?? "step"}
          log={settings.log ?? false}
          smoothing={settings.smooth ?? 0}
          legend={runs.length > 1}
          onZoom={setRange}
          onDrawn={(make) => {
            picture.current = make;
          }}
        />
      )}
    </Panel>
  );
}
