import type { Evaluation } from "@/api/rooms/registry";
import { Stats } from "@/components/Facts";
import { Panel } from "@/components/Panel";
import { count, metric, percent, signed } from "@/format/numbers";

/** Champion and challenger on the same rows. */
export function ChampionComparison({ comparison }: { comparison: Evaluation["comparison"] }) {
  if (!comparison) return null;
  const { champion, challenger, difference, low, high, probability_better, rows } = comparison;
  return (
    <Panel
      title="Against the champion"
      note={`${comparison.metric} on the same ${count(rows)} rows`}
    >
      <Stats
        facts={[
          ["Champion", metric(champion)],
          ["This version", metric(challenger)],
          ["Difference", signed(difference), `${signed(low)} to ${signed(high)}`],
          ["Probability that it is better", percent(probability_better, 1)],
        ]}
      />
    </Panel>
  );
}
