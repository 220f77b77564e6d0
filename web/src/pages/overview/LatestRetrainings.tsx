import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { retrainingsQuery, type Retraining } from "@/api/rooms/automation";
import { Panel } from "@/components/Panel";
import { Status, toneOf } from "@/components/Status";
import { Timeline } from "@/components/Timeline";
import { metric, signed } from "@/format/numbers";
import { day } from "@/format/time";

const SHOWN = 3;

/** What the policy decided last. */
export function LatestRetrainings({ project }: { project: string }) {
  const retrainings = useQuery(retrainingsQuery(project)).data ?? [];
  if (retrainings.length === 0) return null;
  return (
    <Panel
      title="Latest retrainings"
      note={<Link to="/retrainings">All {retrainings.length}</Link>}
    >
      <Timeline
        label="Latest retrainings"
        moments={retrainings.slice(0, SHOWN).map((retraining) => ({
          key: retraining.id,
          tone: toneOf(retraining.status),
          icon: "retraining",
          title: (
            <>
              {worth(retraining)} <Status word={retraining.status} />
            </>
          ),
          note: day(retraining.event_time),
          detail: retraining.reason ?? retraining.cause.reason,
        }))}
      />
    </Panel>
  );
}

function worth({ comparison, deployment }: Retraining): string {
  if (!comparison) return deployment;
  const { metric: name, champion, challenger, difference } = comparison;
  return `${deployment}: ${name} ${metric(champion)} → ${metric(challenger)} (${signed(difference)})`;
}
