import { isFilter } from "./completion";
import type { TableView } from "./tableSource";

/** A view of the runs as it stands in the address, so that a link shows the same to anybody. */
export interface RunsSearch {
  q?: string;
  experiment?: string;
  status?: string;
  sort?: string;
  up?: boolean;
  group?: string;
  cols?: string[];
}

const STATUSES = ["running", "finished", "failed", "cancelled"] as const;

export function readRunsSearch(search: Record<string, unknown>): RunsSearch {
  const text = (name: string) => {
    const value = search[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  };
  const found: RunsSearch = {
    q: text("q"),
    experiment: text("experiment"),
    status: text("status"),
    sort: text("sort"),
    up: search.up === true ? true : undefined,
    group: text("group"),
    cols: Array.isArray(search.cols) ? search.cols.map(String) : undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** What to ask the server for a view in the address. `group` none lists every run by itself. */
export function viewOf(search: RunsSearch, open: readonly string[]): TableView {
  const q = search.q?.trim() ?? "";
  const filter = isFilter(q);
  return {
    filter: filter ? q : "",
    text: filter ? "" : q,
    experiments: search.experiment ? [search.experiment] : [],
    status: STATUSES.find((each) => each === search.status) ?? null,
    sort: search.sort ?? "created",
    descending: !search.up,
    group: search.group === "none" ? null : (search.group ?? "parent"),
    open: [...open],
  };
}
