import type { Evaluation } from "@/api/rooms/registry";
import { Bars } from "@/charts/Bars";
import { Panel } from "@/components/Panel";
import { metric } from "@/format/numbers";

const MOST = 15;

/** What the model relies on. */
export function Importance({ evaluation }: { evaluation: Evaluation }) {
  const rows = [...evaluation.importance]
    .sort((a, b) => b.importance - a.importance)
    .slice(0, MOST)
    .map(({ field, importance }) => ({ name: field, value: Math.max(0, importance) }));
  if (rows.length === 0) return null;
  return (
    <Panel title="Importance" note={`loss of ${evaluation.metric} when a column is shuffled`}>
      <Bars label="Permutation importance" rows={rows} format={metric} />
    </Panel>
  );
}
