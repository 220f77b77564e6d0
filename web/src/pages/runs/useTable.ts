import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useReducer, useRef, useState } from "react";
import { askTable, runsPulseQuery } from "@/api/rooms/tracking";
import { TableSource, type TableView } from "./tableSource";

/**
 * The rows of a view. While another view, or the same one after something happened, is on its way,
 * the rows that are there stay on the page.
 */
export function useTable(project: string, view: TableView, columns: readonly string[] | null) {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [shown, setShown] = useState<TableSource | null>(null);
  const pulse = useQuery(runsPulseQuery(project)).data;
  const place = useRef<{ first: number; last: number; columns: readonly string[] | null }>({
    first: 0,
    last: 0,
    columns,
  });
  const key = JSON.stringify(view);
  const next = useMemo(
    () => new TableSource(JSON.parse(key) as TableView, askTable(project)),
    // A new pulse is a new moment of the same view.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [project, key, pulse],
  );

  useEffect(() => {
    const stop = next.subscribe(() => {
      if (next.ready || next.error) setShown(next);
      redraw();
    });
    const { first, last } = place.current;
    next.want(first, last, place.current.columns);
    return stop;
  }, [next]);

  const source = shown ?? next;
  const want = (first: number, last: number, wanted: readonly string[] | null) => {
    place.current = { first, last, columns: wanted };
    source.want(first, last, wanted);
  };
  return { source, want, waiting: source !== next };
}
