import { Link } from "@tanstack/react-router";
import type { Retraining } from "@/api/rooms/automation";
import { DataTable } from "@/components/DataTable";
import { Status } from "@/components/Status";
import { metric, signed } from "@/format/numbers";
import { day } from "@/format/time";

export function RetrainingTable({ retrainings }: { retrainings: readonly Retraining[] }) {
  return (
    <DataTable
      label="Retrainings"
      rows={retrainings}
      rowKey={(retraining) => retraining.id}
      columns={[
        {
          title: "When",
          cell: (retraining) => <span className="num nowrap">{day(retraining.event_time)}</span>,
        },
        {
          title: "Deployment",
          cell: ({ deployment }) => (
            <Link to="/deployments/$deployment" params={{ deployment }}>
              {deployment}
            </Link>
          ),
        },
        { title: "Cause", cell: (retraining) => <Cause retraining={retraining} /> },
        {
          title: "Champion → challenger",
          right: true,
          cell: ({ comparison: c }) =>
            c ? `${metric(c.champion)} → ${metric(c.challenger)}` : "–",
        },
        { title: "Difference", right: true, cell: ({ comparison: c }) => <Difference found={c} /> },
        { title: "Outcome", cell: (retraining) => <Outcome retraining={retraining} /> },
      ]}
    />
  );
}

function Cause({ retraining: { cause } }: { retraining: Retraining }) {
  return (
    <div style={{ maxWidth: "44ch" }}>
      <strong>{cause.trigger.replaceAll("_", " ")}</strong>
      <div className="soft">{cause.reason}</div>
    </div>
  );
}

function Difference({ found }: { found: Retraining["comparison"] }) {
  if (!found) return <>–</>;
  return (
    <span title={`on ${found.rows} held-out rows`}>
      {signed(found.difference)}
      <div className="soft">
        {found.metric}, {signed(found.low)} to {signed(found.high)}
      </div>
    </span>
  );
}

function Outcome({ retraining }: { retraining: Retraining }) {
  return (
    <div style={{ maxWidth: "40ch" }}>
      <Status word={retraining.status} />
      {retraining.reason && <div className="soft">{retraining.reason}</div>}
    </div>
  );
}
