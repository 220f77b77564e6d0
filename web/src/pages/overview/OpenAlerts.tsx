import { Link } from "@tanstack/react-router";
import type { Alert } from "@/api/rooms/monitoring";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { Timeline } from "@/components/Timeline";
import { day } from "@/format/time";

const SHOWN = 8;

/** What asks for attention now. */
export function OpenAlerts({ alerts }: { alerts: readonly Alert[] }) {
  if (alerts.length === 0) return null;
  return (
    <Panel title="Open alerts" note={`${alerts.length} in all`}>
      <Timeline
        label="Open alerts"
        moments={alerts.slice(0, SHOWN).map((alert) => ({
          key: alert.id,
          tone: alert.severity === "critical" ? "bad" : "warn",
          icon: "warning",
          title: (
            <>
              {alert.title} {alert.status === "acknowledged" && <Status word="acknowledged" />}
            </>
          ),
          note: day(alert.since),
          detail: (
            <Link to="/deployments/$deployment" params={{ deployment: alert.deployment }}>
              {alert.deployment}
            </Link>
          ),
        }))}
      />
    </Panel>
  );
}
