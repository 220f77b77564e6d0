import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { importanceQuery } from "@/api/rooms/tracking";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { percent } from "@/format/numbers";
import { useProject } from "@/shell/project";
import type { CompareSearch } from "./compareSearch";
import css from "./Compare.module.css";

interface Props {
  keys: readonly string[];
  search: CompareSearch;
  onChange: (part: CompareSearch) => void;
}

/** What a metric depends on, over all runs of the project and not just the chosen ones. */
export function Importance({ keys, search, onChange }: Props) {
  const project = useProject();
  const chosen = search.metric ?? keys[0] ?? "";
  const query = useQuery(importanceQuery(project, chosen, ""));
  return (
    <Panel title="What the metric depends on" note="over all runs of the project">
      <div className={css.controls}>
        <NativeSelect
          size="xs"
          aria-label="Metric"
          value={chosen}
          data={[...keys]}
          onChange={(event) => onChange({ metric: event.currentTarget.value })}
        />
      </div>
      <Loaded query={query} height={220}>
        {(found) =>
          found.length === 0 ? (
            <EmptyState icon="runs" title="Too few runs to say">
              Five runs with this metric and different values of a parameter are the least.
            </EmptyState>
          ) : (
            <>
              <DataTable
                label="Importance of parameters"
                rows={found}
                rowKey={({ param }) => param}
                columns={[
                  { title: "Parameter", cell: ({ param }) => param },
                  { title: "Explains", cell: ({ share }) => <Share value={share} /> },
                  {
                    title: "Trend",
                    cell: ({ trend }) =>
                      trend == null || Math.abs(trend) < 0.1 ? (
                        <span className="soft">{trend == null ? "words" : "none to speak of"}</span>
                      ) : (
                        `${trend > 0 ? "↑ rises with it" : "↓ falls with it"} (${trend.toFixed(2)})`
                      ),
                  },
                  { title: "Values", right: true, cell: ({ values }) => values },
                  { title: "Runs", right: true, cell: ({ runs }) => runs },
                ]}
              />
              <p className="soft">
                The part of the metric’s variance, in ranks, that the values of one parameter
                explain (eta squared of the Kruskal–Wallis test, corrected for chance); the trend is
                Spearman’s rank correlation. What only two parameters together explain is not seen.
              </p>
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Share({ value }: { value: number }) {
  return (
    <span className={css.share}>
      <span className={css.track} aria-hidden="true">
        <span className={css.part} style={{ width: `${value * 100}%` }} />
      </span>
      <span className="num">{percent(value, 1)}</span>
    </span>
  );
}
