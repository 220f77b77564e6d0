import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { save } from "@/api/download";
import { ApiError, send } from "@/api/http";
import { runColumnsQuery } from "@/api/rooms/tracking";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { Page } from "@/components/Page";
import { count } from "@/format/numbers";
import { useProject } from "@/shell/project";
import { ColumnPicker } from "./ColumnPicker";
import { expand } from "./columnIds";
import { FilterBox } from "./FilterBox";
import { GroupSelect } from "./GroupSelect";
import { RunsTable } from "./RunsTable";
import { viewOf, type RunsSearch } from "./runsSearch";
import { SavedViews } from "./SavedViews";
import { useTable } from "./useTable";
import css from "./Runs.module.css";

const NOTHING: readonly string[] = [];
const MOST_COMPARED = 100;
const NO_NAMES = { metrics: [], params: [], tags: [], experiments: [] };

/** Every run of the project as one table. The address holds the view, so a link shows the same. */
export function Runs() {
  const project = useProject();
  const search = useSearch({ from: "/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const names = useQuery(runColumnsQuery(project)).data ?? NO_NAMES;
  const [open, setOpen] = useState<readonly string[]>(NOTHING);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const available = useMemo(
    () => [
      ...names.metrics.map((key) => `metrics.${key}`),
      ...names.params.map((key) => `params.${key}`),
      ...names.tags.map((key) => `tags.${key}`),
    ],
    [names],
  );
  const view = viewOf(search, open);
  const picked = search.cols;
  const { source, want, waiting } = useTable(project, view, picked ?? null);
  const columns = useMemo(
    () => (picked ? expand(picked, available) : source.usual),
    [picked, available, source.usual],
  );
  const set = (part: RunsSearch) =>
    void navigate({
      search: (before) => clean({ ...before, ...part }),
      replace: true,
      resetScroll: false,
    });
  const sort = (column: string) =>
    set(
      column === (search.sort ?? "created")
        ? { up: search.up ? undefined : true }
        : { sort: column, up: column === "name" || column === "experiment" ? true : undefined },
    );
  const { error } = source;
  const empty =
    source.ready && source.runs === 0 && !search.q && !search.experiment && !search.status;

  return (
    <Page
      wide
      title="Runs"
      lead="Every training and every trial, with what went in and what came out."
    >
      <div className={css.panel}>
        <div className={css.filters} role="search">
          <FilterBox
            value={search.q ?? ""}
            names={names}
            busy={waiting}
            error={error instanceof ApiError && error.status === 400 ? error.message : undefined}
            onApply={(q) => set({ q: q || undefined })}
          />
          <NativeSelect
            aria-label="Experiment"
            value={search.experiment ?? ""}
            onChange={(event) => set({ experiment: event.currentTarget.value || undefined })}
            data={[{ value: "", label: "All experiments" }, ...names.experiments]}
          />
          <NativeSelect
            aria-label="Status"
            value={search.status ?? ""}
            onChange={(event) => set({ status: event.currentTarget.value || undefined })}
            data={[
              { value: "", label: "Any status" },
              "running",
              "finished",
              "failed",
              "cancelled",
            ]}
          />
          <GroupSelect
            value={search.group}
            names={names}
            onChange={(group) => {
              setOpen(NOTHING);
              set({ group });
            }}
          />
          <ColumnPicker
            available={available}
            chosen={picked ?? columns}
            onChange={(cols) => set({ cols: cols ? [...cols] : undefined })}
          />
          <SavedViews project={project} search={search} />
        </div>
        <Actions
          project={project}
          view={view}
          columns={columns}
          runs={source.runs}
          chosen={chosen}
          clear={() => setChosen(new Set())}
        />
        <Content source={source} empty={empty}>
          <RunsTable
            source={source}
            columns={columns}
            usual={!picked}
            sort={view.sort ?? "created"}
            descending={view.descending ?? true}
            chosen={chosen}
            onWant={want}
            onSort={sort}
            onToggle={(row) =>
              setOpen((before) =>
                before.includes(row) ? before.filter((each) => each !== row) : [...before, row],
              )
            }
            onChoose={(ids, add) =>
              setChosen((before) => {
                const next = new Set(before);
                for (const id of ids) {
                  if (add) next.add(id);
                  else next.delete(id);
                }
                return next;
              })
            }
          />
        </Content>
      </div>
    </Page>
  );
}

function Content({
  source,
  empty,
  children,
}: {
  source: ReturnType<typeof useTable>["source"];
  empty: boolean;
  children: React.ReactNode;
}) {
  if (source.error && !source.ready) {
    const refused = source.error instanceof ApiError && source.error.status === 400;
    // What is wrong with the search is said where it is written.
    if (refused) return <EmptyState icon="search" title="Nothing to show for this search" />;
    return <ErrorState error={source.error} />;
  }
  if (empty) {
    return (
      <EmptyState icon="runs" title="No run yet" command="mw run">
        A run appears here as soon as training starts, and each trial of a search below it.
      </EmptyState>
    );
  }
  if (source.ready && source.total === 0) {
    return (
      <EmptyState icon="search" title="No run matches">
        Clear the search or choose another experiment or status.
      </EmptyState>
    );
  }
  return children;
}

interface ActionsProps {
  project: string;
  view: ReturnType<typeof viewOf>;
  columns: readonly string[];
  runs: number;
  chosen: ReadonlySet<string>;
  clear: () => void;
}

function Actions({ project, view, columns, runs, chosen, clear }: ActionsProps) {
  const [busy, setBusy] = useState(false);
  const { filter, text, experiments, status, sort, descending } = view;
  const asked = { filter, text, experiments, status, sort, descending, columns };
  const file = async () => {
    setBusy(true);
    try {
      const url = `/api/v1/projects/${encodeURIComponent(project)}/runs/table/csv`;
      save(await (await send("POST", url, asked)).blob(), `${project}-runs.csv`);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={css.bar}>
      <span role="status" className="num">
        {count(runs)} {runs === 1 ? "run" : "runs"}
        {chosen.size > 0 && ` · ${chosen.size} selected`}
      </span>
      {chosen.size > 0 && (
        <>
          <Button
            size="compact-sm"
            disabled={chosen.size > MOST_COMPARED}
            renderRoot={(props) => <Link to="/compare" search={{ runs: [...chosen] }} {...props} />}
          >
            {chosen.size > MOST_COMPARED ? `Compare at most ${MOST_COMPARED}` : "Compare"}
          </Button>
          <Button size="compact-sm" variant="subtle" onClick={clear}>
            Clear
          </Button>
        </>
      )}
      <span className={css.spring} />
      <Button size="compact-sm" variant="subtle" loading={busy} onClick={() => void file()}>
        Download CSV
      </Button>
    </div>
  );
}

function clean(search: RunsSearch): RunsSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
