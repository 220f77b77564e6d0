import { useTable, type ExpandedState } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { features, runColumns } from "./runColumns";
import type { LoggedColumn, RunNode } from "./runTree";
import { SortableHeading } from "./SortableHeading";
import css from "./Runs.module.css";

const ROW_HEIGHT = 38;

interface Props {
  nodes: RunNode[];
  columns: LoggedColumn[];
  /** Show all trials, because a filter may have found them. */
  open: boolean;
}

/** Runs as a tree table; only the rows in view are in the page. */
export function RunsTable({ nodes, columns, open }: Props) {
  const scroll = useRef<HTMLDivElement>(null);
  const [expanded, setExpanded] = useState<ExpandedState>({});
  const definitions = useMemo(() => runColumns(columns), [columns]);
  const table = useTable({
    features,
    columns: definitions,
    data: nodes,
    getSubRows: (node) => node.children,
    getRowId: (node) => node.run.id,
    state: { expanded: open ? true : expanded },
    onExpandedChange: setExpanded,
    initialState: { sorting: [{ id: "created", desc: true }] },
  });
  const rows = table.getRowModel().rows;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  const headings = table.getHeaderGroups()[0]?.headers ?? [];
  const sizes = definitions.map((column) => column.meta?.width ?? 120);
  const total = sizes.reduce((sum, size) => sum + size, 0);

  return (
    <div className={css.scroll} ref={scroll} tabIndex={0} role="region" aria-label="Runs">
      <table className={css.table} style={{ width: total }} aria-rowcount={rows.length + 1}>
        <colgroup>
          {sizes.map((size, index) => (
            <col key={index} style={{ width: size }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {headings.map((header) => (
              <SortableHeading
                key={header.id}
                title={header.column.columnDef.meta?.title ?? header.id}
                kind={header.column.columnDef.meta?.kind}
                right={header.column.columnDef.meta?.right ?? false}
                sorted={header.column.getIsSorted()}
                onSort={() => header.column.toggleSorting()}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer height={above} columns={headings.length} />
          {items.map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <tr key={row.id} aria-rowindex={item.index + 2}>
                {row.getAllCells().map((cell) => (
                  <td
                    key={cell.id}
                    className={cell.column.columnDef.meta?.right ? css.right : undefined}
                  >
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
            );
          })}
          <Spacer height={below} columns={headings.length} />
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are out of view. */
function Spacer({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr className={css.spacer} aria-hidden="true">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}
