import { NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { MOST_RUNS, runsQuery, type Run } from "@/api/rooms/tracking";
import { EmptyState } from "@/components/EmptyState";
import { Icon } from "@/components/Icon";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { count } from "@/format/numbers";
import { useProject } from "@/shell/project";
import { ColumnPicker } from "./ColumnPicker";
import { loggedColumns, nest, prune, type RunFilter } from "./runTree";
import { RunsTable } from "./RunsTable";
import css from "./Runs.module.css";

const METRICS_AT_FIRST = 4;
const PARAMS_AT_FIRST = 4;

export function Runs() {
  const query = useQuery(runsQuery(useProject()));
  return (
    <Page
      wide
      title="Runs"
      lead="Every training and every trial, with what went in and what came out."
    >
      <Loaded query={query} height={480}>
        {(runs) =>
          runs.length === 0 ? (
            <div className={css.panel}>
              <EmptyState icon="runs" title="No run yet" command="mw run">
                A run appears here as soon as training starts, and each trial of a search below it.
              </EmptyState>
            </div>
          ) : (
            <RunsBrowser runs={runs} />
          )
        }
      </Loaded>
    </Page>
  );
}

function RunsBrowser({ runs }: { runs: Run[] }) {
  const [filter, setFilter] = useState<RunFilter>({ text: "", experiment: "", status: "" });
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const tree = useMemo(() => nest(runs), [runs]);
  const shown = useMemo(() => prune(tree, filter), [tree, filter]);
  const available = useMemo(() => loggedColumns(runs), [runs]);
  const columns = useMemo(() => {
    if (chosen) return available.filter(({ id }) => chosen.has(id));
    const first = (kind: string, most: number) =>
      available.filter((column) => column.kind === kind).slice(0, most);
    return [...first("metric", METRICS_AT_FIRST), ...first("param", PARAMS_AT_FIRST)];
  }, [available, chosen]);
  const experiments = useMemo(() => [...new Set(runs.map((run) => run.experiment))].sort(), [runs]);
  const set = (part: Partial<RunFilter>) => setFilter((before) => ({ ...before, ...part }));

  return (
    <div className={css.panel}>
      <div className={css.filters} role="search">
        <TextInput
          className={css.text}
          aria-label="Filter by text"
          placeholder="Name, parameter or tag"
          leftSection={<Icon name="search" size={16} />}
          value={filter.text}
          onChange={(event) => set({ text: event.currentTarget.value })}
        />
        <NativeSelect
          aria-label="Experiment"
          value={filter.experiment}
          onChange={(event) => set({ experiment: event.currentTarget.value })}
          data={[{ value: "", label: "All experiments" }, ...experiments]}
        />
        <NativeSelect
          aria-label="Status"
          value={filter.status}
          onChange={(event) => set({ status: event.currentTarget.value })}
          data={[{ value: "", label: "Any status" }, "running", "finished", "failed", "cancelled"]}
        />
        <ColumnPicker available={available} shown={columns} onChange={setChosen} />
        <span className={css.count} role="status">
          {runs.length >= MOST_RUNS ? `the latest ${count(runs.length)}` : count(runs.length)} runs
        </span>
      </div>
      {shown.length === 0 ? (
        <EmptyState icon="search" title="No run matches">
          Clear the text or choose another experiment or status.
        </EmptyState>
      ) : (
        <RunsTable
          nodes={shown}
          columns={columns}
          open={filter.text !== "" || filter.status !== ""}
        />
      )}
    </div>
  );
}
