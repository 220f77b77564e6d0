import { useQueries } from "@tanstack/react-query";
import { metricHistoryQuery } from "@/api/rooms/tracking";
import { TimeSeries } from "@/charts/TimeSeries";
import { Panel, PanelGrid } from "@/components/Panel";
import { metric } from "@/format/numbers";

const MOST_CURVES = 12;

/** A curve for each metric that was logged more than once. */
export function MetricCurves({ run, keys }: { run: string; keys: string[] }) {
  const histories = useQueries({
    queries: keys.slice(0, MOST_CURVES).map((key) => metricHistoryQuery(run, key)),
  });
  const curves = histories.flatMap(({ data }) => (data && data.length > 1 ? [data] : []));
  if (curves.length === 0) return null;
  return (
    <PanelGrid least={380}>
      {curves.map((points) => {
        const key = points[0]?.key ?? "";
        return (
          <Panel key={key} title={key} note={`${points.length} points`}>
            <TimeSeries
              label={`${key} by step`}
              steps
              height={180}
              x={points.map((point) => point.step)}
              lines={[
                {
                  name: key,
                  colour: "--series-1",
                  values: points.map((point) => finite(Number(point.value))),
                },
              ]}
              format={metric}
            />
          </Panel>
        );
      })}
    </PanelGrid>
  );
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
