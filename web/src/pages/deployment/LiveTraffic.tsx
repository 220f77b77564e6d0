import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { trafficQuery, type Traffic } from "@/api/rooms/monitoring";
import { TimeSeries } from "@/charts/TimeSeries";
import { EmptyState } from "@/components/EmptyState";
import { Stats } from "@/components/Facts";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import { compact, milliseconds, percent } from "@/format/numbers";

interface Props {
  project: string;
  deployment: string;
  hasCanary: boolean;
}

/** What the inference server is answering right now. */
export function LiveTraffic({ project, deployment, hasCanary }: Props) {
  const query = useQuery(trafficQuery(project, deployment));
  const last = query.data?.last_request;
  return (
    <Panel
      title="Live traffic"
      note={
        last && (
          <>
            last request <When time={last} />
          </>
        )
      }
    >
      <Loaded query={query} height={240}>
        {(traffic) =>
          traffic.last_request === null ? (
            <EmptyState icon="deployment" title="No request has arrived yet">
              Send one with the command under “Call it”; it shows here within seconds.
            </EmptyState>
          ) : (
            <Chart traffic={traffic} hasCanary={hasCanary} />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Chart({ traffic, hasCanary }: { traffic: Traffic; hasCanary: boolean }) {
  const { points } = traffic;
  const x = useMemo(() => points.map((point) => Date.parse(point.time)), [points]);
  const requests = useMemo(
    () => [
      { name: "requests/s", colour: "--series-1", values: points.map((point) => point.requests) },
    ],
    [points],
  );
  const latency = useMemo(
    () => [
      {
        name: "p50",
        broken: true,
        colour: "--series-1",
        values: points.map((point) => point.p50_ms),
      },
      {
        name: "p95",
        broken: true,
        colour: "--series-2",
        values: points.map((point) => point.p95_ms),
      },
    ],
    [points],
  );
  return (
    <div style={{ display: "grid", gap: 16 }}>
      <Stats
        facts={[
          ["Requests", traffic.requests_per_second.toFixed(1), "per second"],
          ["Rows", compact(traffic.rows_per_second), "per second"],
          ["Latency p50", milliseconds(traffic.p50_ms)],
          ["Latency p95", milliseconds(traffic.p95_ms)],
          ...(hasCanary ? [["Canary share", percent(traffic.canary_share)] as const] : []),
        ]}
      />
      <TimeSeries
        label="Requests per second"
        x={x}
        lines={requests}
        height={120}
        format={compact}
      />
      <TimeSeries label="Latency" x={x} lines={latency} height={120} format={milliseconds} />
    </div>
  );
}
