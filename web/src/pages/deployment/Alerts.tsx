import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { acknowledgeAlert, messagesQuery, resolveAlert, type Alert } from "@/api/rooms/monitoring";
import { EmptyState } from "@/components/EmptyState";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { Timeline, type Moment } from "@/components/Timeline";
import { day } from "@/format/time";
import { SilenceButton, Silences } from "./Silences";

const FIRST = 6;

/** What asked for attention and what became of it. */
export function Alerts({
  alerts,
  project,
  deployment,
}: {
  alerts: readonly Alert[];
  project: string;
  deployment: string;
}) {
  const [all, setAll] = useState(false);
  const open = alerts.filter((alert) => alert.status !== "resolved").length;
  return (
    <Panel title="Alerts" note={`${open} open, ${alerts.length - open} resolved`}>
      <Silences project={project} deployment={deployment} />
      {alerts.length === 0 ? (
        <EmptyState icon="check" title="Nothing has crossed what the policy allows" />
      ) : (
        <>
          <Timeline
            label="Alerts, newest first"
            moments={(all ? alerts : alerts.slice(0, FIRST)).map(momentOf)}
          />
          {alerts.length > FIRST && (
            <Button variant="subtle" size="xs" mt="sm" onClick={() => setAll(!all)}>
              {all ? "Show fewer" : `Show all ${alerts.length}`}
            </Button>
          )}
        </>
      )}
    </Panel>
  );
}

function momentOf(alert: Alert): Moment {
  const resolved = alert.status === "resolved";
  return {
    key: alert.id,
    tone: resolved ? "mute" : alert.severity === "critical" ? "bad" : "warn",
    icon: resolved ? "check" : "warning",
    title: <AlertTitle alert={alert} />,
    note: (
      <span title="in the time of the data">
        {day(alert.since)}
        {alert.resolved_at && " · resolved"}
      </span>
    ),
    detail: <Actions alert={alert} />,
  };
}

function AlertTitle({ alert }: { alert: Alert }) {
  return (
    <>
      {alert.title} <Status word={alert.status} />
    </>
  );
}

function Actions({ alert }: { alert: Alert }) {
  const queries = useQueryClient();
  const done = { onSuccess: () => queries.invalidateQueries({ queryKey: ["alerts"] }) };
  const acknowledge = useMutation({ mutationFn: () => acknowledgeAlert(alert.id), ...done });
  const resolve = useMutation({ mutationFn: () => resolveAlert(alert.id), ...done });
  const failure = acknowledge.error ?? resolve.error;
  return (
    <>
      {alert.windows > 1 && `In ${alert.windows} windows. `}
      {alert.acknowledged_by && `Acknowledged by ${alert.acknowledged_by}. `}
      {alert.status !== "resolved" && <Hearers alert={alert} />}
      {failure && <span role="alert">{failure.message} </span>}
      {alert.status === "open" && (
        <Button
          size="compact-xs"
          variant="default"
          loading={acknowledge.isPending}
          onClick={() => acknowledge.mutate()}
        >
          Acknowledge
        </Button>
      )}{" "}
      {alert.status === "acknowledged" && (
        <Button
          size="compact-xs"
          variant="default"
          loading={resolve.isPending}
          onClick={() => resolve.mutate()}
        >
          Resolve
        </Button>
      )}{" "}
      {alert.status !== "resolved" && <SilenceButton alert={alert} />}
    </>
  );
}

/** Who was told, who will be, and who could not be. */
function Hearers({ alert }: { alert: Alert }) {
  const messages = useQuery(messagesQuery(alert.id)).data ?? [];
  const people = messages.filter((message) => message.receiver !== "console");
  if (people.length === 0) return null;
  const said = people.map((message) => {
    const escalated = message.occasion.startsWith("escalated") ? " (escalated)" : "";
    const state = message.state === "told" ? "" : ` (${message.state})`;
    return `${message.receiver}${escalated}${state}`;
  });
  return <span title={people.map((m) => m.answer ?? "").join(" ")}>Told: {said.join(", ")}. </span>;
}
