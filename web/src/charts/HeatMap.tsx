import { useRef, useState, type KeyboardEvent } from "react";
import css from "./HeatMap.module.css";

export interface Cell {
  value: number;
  threshold: number;
  drifted: boolean;
  /** The whole finding as a sentence. */
  text: string;
}

interface Props {
  label: string;
  rows: readonly string[];
  columns: readonly string[];
  cell: (row: number, column: number) => Cell | null;
}

/**
 * Features down, windows across. One cell is in the tab order; the arrow keys move from it, and the
 * finding of the cell in focus or under the pointer is written below.
 */
export function HeatMap({ label, rows, columns, cell }: Props) {
  const [at, setAt] = useState<[number, number]>([0, Math.max(0, columns.length - 1)]);
  const [read, setRead] = useState<string | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);

  const move = (event: KeyboardEvent) => {
    const [row, column] = at;
    const next = MOVES[event.key]?.(row, column, rows.length - 1, columns.length - 1);
    if (!next) return;
    event.preventDefault();
    setAt(next);
    body.current?.querySelector<HTMLElement>(`[data-at="${next[0]}-${next[1]}"]`)?.focus();
  };

  return (
    <div>
      <div className={css.scroll}>
        <table
          className={css.map}
          style={{ minWidth: NAME_WIDTH + columns.length * LEAST_CELL }}
          data-crowded={columns.length > CROWDED || undefined}
          role="grid"
          aria-label={label}
          onKeyDown={move}
        >
          <thead>
            <tr>
              <th scope="col" className={css.name} aria-label="Feature" />
              {columns.map((column) => (
                <th scope="col" key={column}>
                  <span>{column}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body}>
            {rows.map((name, row) => (
              <tr key={name}>
                <th scope="row" className={`${css.name} clip`} title={name}>
                  {name}
                </th>
                {columns.map((window, column) => {
                  const found = cell(row, column);
                  const text = `${name}, ${window}: ${found?.text ?? "not measured"}`;
                  const here = at[0] === row && at[1] === column;
                  return (
                    <td key={window} role="gridcell">
                      <button
                        type="button"
                        className={css.cell}
                        data-at={`${row}-${column}`}
                        data-level={found ? level(found) : undefined}
                        data-drifted={found?.drifted || undefined}
                        data-empty={found ? undefined : true}
                        tabIndex={here ? 0 : -1}
                        aria-label={text}
                        onFocus={() => {
                          setAt([row, column]);
                          setRead(text);
                        }}
                        onMouseEnter={() => setRead(text)}
                      />
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className={css.legend} aria-hidden="true">
        {LEVELS.map((text, index) => (
          <span key={text}>
            <i className={css.cell} data-level={index} style={{ width: 14, height: 14 }} /> {text}
          </span>
        ))}
        <span>
          <i className={css.cell} data-level="0" data-drifted style={{ width: 14, height: 14 }} />{" "}
          drifted
        </span>
      </div>
      <p className={css.readout}>
        {read ?? "Point at a cell, or move with the arrow keys, to read it."}
      </p>
    </div>
  );
}

const NAME_WIDTH = 200;
const LEAST_CELL = 20;
/** With more columns than this, their names are written upwards. */
const CROWDED = 16;
const LEVELS = [
  "under ¼ of the threshold",
  "under ½",
  "under the threshold",
  "up to 2×",
  "over 2×",
];

function level({ value, threshold }: Cell): number {
  const share = value / (threshold || 1);
  return [0.25, 0.5, 1, 2].filter((limit) => share >= limit).length;
}

type Move = (row: number, column: number, lastRow: number, lastColumn: number) => [number, number];

const MOVES: Record<string, Move> = {
  ArrowUp: (row, column) => [Math.max(0, row - 1), column],
  ArrowDown: (row, column, last) => [Math.min(last, row + 1), column],
  ArrowLeft: (row, column) => [row, Math.max(0, column - 1)],
  ArrowRight: (row, column, _, last) => [row, Math.min(last, column + 1)],
  Home: (row) => [row, 0],
  End: (row, _column, _, last) => [row, last],
};
