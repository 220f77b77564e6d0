import { Link } from "@tanstack/react-router";
import type { Rollout } from "@/api/rooms/deployment";
import { EmptyState } from "@/components/EmptyState";
import { Panel } from "@/components/Panel";
import { Status, type Tone } from "@/components/Status";
import { Timeline, type Moment } from "@/components/Timeline";
import { When } from "@/components/When";
import { percent } from "@/format/numbers";
import { Evidence } from "./Evidence";

const OUTCOMES: Record<string, { tone: Tone; icon: Moment["icon"] }> = {
  promoted: { tone: "ok", icon: "check" },
  "rolled-back": { tone: "warn", icon: "cross" },
  superseded: { tone: "mute", icon: "minus" },
};

/** Each canary, how it ended, and on what evidence. */
export function Rollouts({ rollouts, model }: { rollouts: readonly Rollout[]; model: string }) {
  return (
    <Panel title="Rollouts">
      {rollouts.length === 0 ? (
        <EmptyState icon="deployment" title="No challenger has been tried here yet">
          A challenger that is better on held-out rows is tried as a canary before it may take over.
        </EmptyState>
      ) : (
        <Timeline
          label="Rollouts, newest first"
          moments={rollouts.map((rollout) => momentOf(rollout, model))}
        />
      )}
    </Panel>
  );
}

function momentOf(rollout: Rollout, model: string): Moment {
  const outcome = rollout.outcome ?? "running";
  const shown = OUTCOMES[outcome] ?? { tone: "info", icon: "clock" };
  return {
    key: rollout.id,
    ...shown,
    title: (
      <>
        <Link
          to="/models/$model/$version"
          params={{ model, version: String(rollout.canary_version) }}
        >
          Version {rollout.canary_version}
        </Link>{" "}
        against version {rollout.champion_version}{" "}
        <Status word={outcome.replace("-", " ")} tone={shown.tone} />
      </>
    ),
    note: <When time={rollout.decided_at ?? rollout.started_at} />,
    detail: (
      <>
        {rollout.reason || `Answers ${percent(rollout.share)} of the requests.`}
        <Evidence evidence={rollout.evidence} />
      </>
    ),
  };
}
