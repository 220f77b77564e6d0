import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, type CSSProperties } from "react";
import { Icon } from "@/components/Icon";
import { NAME_WIDTH, columnLayout } from "./layout";
import { RunRow } from "./RunRow";
import type { TableSource } from "./tableSource";
import css from "./RunsTable.module.css";

export const ROW_HEIGHT = 36;
const AHEAD_ROWS = 8;
const AHEAD_COLUMNS = 3;

interface Props {
  source: TableSource;
  /** Ids of the columns after those that every run has. */
  columns: readonly string[];
  /** None were chosen, so the server may choose. */
  usual: boolean;
  sort: string;
  descending: boolean;
  chosen: ReadonlySet<string>;
  onWant: (first: number, last: number, columns: readonly string[] | null) => void;
  onSort: (column: string) => void;
  onToggle: (row: string) => void;
  onChoose: (ids: readonly string[], add: boolean) => void;
}

/** Any number of runs and columns: only the cells in view are in the page. */
export function RunsTable(props: Props) {
  const { source, columns, usual, sort, descending, onWant, onSort } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const last = useRef<number | null>(null);
  const layout = useMemo(() => columnLayout(columns), [columns]);
  const rows = useVirtualizer({
    count: source.total,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: AHEAD_ROWS,
    scrollMargin: 0,
    initialRect: { width: 1200, height: 700 },
  });
  const across = useVirtualizer({
    horizontal: true,
    count: layout.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => layout[index]?.width ?? 0,
    overscan: AHEAD_COLUMNS,
    initialRect: { width: 1200, height: 700 },
    paddingStart: NAME_WIDTH,
  });
  useLayoutEffect(() => across.measure(), [layout, across]);

  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const end = items.at(-1)?.index ?? 40;
  const cells = across.getVirtualItems();
  const logged = cells.flatMap(({ index }) => layout[index]?.logged ?? []);
  const wanted = usual && !source.ready ? null : logged;
  useEffect(() => {
    onWant(first, end, wanted);
    // Asked whenever what is in view changes, which these four say.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [source, first, end, wanted?.join(" ")]);

  const choose = (index: number, id: string, add: boolean, range: boolean) => {
    const from = range && last.current !== null ? last.current : index;
    const ids: string[] = [];
    for (let at = Math.min(from, index); at <= Math.max(from, index); at += 1) {
      const each = source.row(at)?.id;
      if (each) ids.push(each);
    }
    last.current = index;
    props.onChoose(ids.length > 0 ? ids : [id], add);
  };
  const width = across.getTotalSize();

  return (
    <div
      className={css.scroll}
      ref={scroll}
      tabIndex={0}
      role="grid"
      aria-label="Runs"
      aria-rowcount={source.total + 1}
      aria-colcount={layout.length + 1}
    >
      <div className={css.head} style={{ width }} role="row" aria-rowindex={1}>
        <Heading
          id="name"
          title="Run"
          sorted={sort === "name"}
          descending={descending}
          style={{ width: NAME_WIDTH }}
          pinned
          onSort={onSort}
        />
        {cells.map(({ index, start }) => {
          const column = layout[index];
          if (!column) return null;
          return (
            <Heading
              key={column.id}
              id={column.id}
              title={column.title}
              kind={column.kind}
              right={column.right}
              sorted={sort === column.id}
              descending={descending}
              style={{ width: column.width, left: start }}
              onSort={onSort}
            />
          );
        })}
      </div>
      <div className={css.body} style={{ width, height: rows.getTotalSize() }} role="rowgroup">
        {items.map(({ index, start }) => (
          <RunRow
            key={index}
            index={index}
            top={start}
            source={source}
            cells={cells}
            layout={layout}
            chosen={props.chosen}
            onToggle={props.onToggle}
            onChoose={choose}
          />
        ))}
      </div>
    </div>
  );
}

interface HeadingProps {
  id: string;
  title: string;
  kind?: string;
  right?: boolean;
  sorted: boolean;
  descending: boolean;
  pinned?: boolean;
  style: CSSProperties;
  onSort: (column: string) => void;
}

function Heading({
  id,
  title,
  kind,
  right,
  sorted,
  descending,
  pinned,
  style,
  onSort,
}: HeadingProps) {
  return (
    <div
      role="columnheader"
      className={`${css.heading} ${right ? css.right : ""} ${pinned ? css.pinned : ""}`}
      aria-sort={sorted ? (descending ? "descending" : "ascending") : undefined}
      style={style}
    >
      <button type="button" onClick={() => onSort(id)} title={title}>
        <span className="clip">{title}</span>
        {kind && <span className={css.kind}>{kind}</span>}
        {sorted && <Icon name={descending ? "down" : "up"} size={14} />}
      </button>
    </div>
  );
}
