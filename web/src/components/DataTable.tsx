import type { ReactNode } from "react";
import css from "./DataTable.module.css";

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  right?: boolean;
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: Column<T>[];
  rowKey: (row: T, index: number) => string;
  /** Rows that deserve the eye: the worst slice, a failed gate. */
  marked?: (row: T) => boolean;
  /** Rows of somebody's table: one line each, however long the values are. */
  dense?: boolean;
}

/** A plain table for tens of rows. */
export function DataTable<T>({ label, rows, columns, rowKey, marked, dense }: Props<T>) {
  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={dense ? `${css.table} ${css.dense}` : css.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" className={column.right ? css.right : undefined}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={rowKey(row, index)} className={marked?.(row) ? css.marked : undefined}>
              {columns.map((column) => (
                <td key={column.title} className={column.right ? css.right : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
