import { Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { VirtualItem } from "@tanstack/react-virtual";
import type { ReactNode } from "react";
import { Icon } from "@/components/Icon";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { count, metric } from "@/format/numbers";
import { duration } from "@/format/time";
import { NAME_WIDTH, type LaidColumn } from "./layout";
import type { Cell, TableRow, TableSource } from "./tableSource";
import css from "./RunsTable.module.css";

interface Props {
  index: number;
  top: number;
  source: TableSource;
  cells: readonly VirtualItem[];
  layout: readonly LaidColumn[];
  chosen: ReadonlySet<string>;
  onToggle: (row: string) => void;
  onChoose: (index: number, id: string, add: boolean, range: boolean) => void;
}

/** One line of the table: a run, a group, or the place of one that is on its way. */
export function RunRow({ index, top, source, cells, layout, chosen, onToggle, onChoose }: Props) {
  const row = source.row(index);
  const here = row?.id != null && chosen.has(row.id);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={here}
      className={css.row}
      data-group={row !== undefined && row.id === null ? true : undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div role="gridcell" className={`${css.cell} ${css.pinned}`} style={{ width: NAME_WIDTH }}>
        {row && (
          <Name
            row={row}
            chosen={here}
            onToggle={onToggle}
            onChoose={(id, add, range) => onChoose(index, id, add, range)}
          />
        )}
      </div>
      {row &&
        cells.map(({ index: at, start }) => {
          const column = layout[at];
          if (!column) return null;
          return (
            <div
              key={column.id}
              role="gridcell"
              className={column.right ? `${css.cell} ${css.right}` : css.cell}
              style={{ width: column.width, left: start }}
            >
              {column.logged ? written(source.cell(index, column.logged)) : fact(row, column.id)}
            </div>
          );
        })}
    </div>
  );
}

function Name({
  row,
  chosen,
  onToggle,
  onChoose,
}: {
  row: TableRow;
  chosen: boolean;
  onToggle: (row: string) => void;
  onChoose: (id: string, add: boolean, range: boolean) => void;
}) {
  const { id, name, children, depth, open } = row;
  const label = name === "" ? "no value" : name;
  return (
    <span className={css.name} style={{ paddingLeft: depth * 18 }}>
      {id !== null && (
        <Checkbox
          size="xs"
          aria-label={`Select ${label}`}
          checked={chosen}
          onChange={() => undefined}
          onClick={(event) => onChoose(id, !chosen, event.shiftKey)}
        />
      )}
      {children > 0 ? (
        <button
          type="button"
          className={css.toggle}
          aria-expanded={open}
          aria-label={`${children} runs of ${label}`}
          onClick={() => onToggle(id ?? name)}
        >
          <Icon name={open ? "down" : "right"} size={16} />
        </button>
      ) : (
        <span className={css.gap} />
      )}
      {id === null ? (
        <strong className="clip">{label}</strong>
      ) : (
        <Link to="/runs/$run" params={{ run: id }} className="clip" title={name}>
          {name}
        </Link>
      )}
      {children > 0 && <span className={css.count}>{count(children)}</span>}
    </span>
  );
}

function fact(row: TableRow, column: string): ReactNode {
  if (row.id === null) return null;
  if (column === "status") return row.status && <Status word={row.status} />;
  if (column === "created") return <When time={row.created_at} />;
  if (column === "duration") return duration(row.duration_ms);
  return column === "experiment" ? row.experiment : row.user;
}

function written(value: Cell | undefined): ReactNode {
  if (value === undefined) return null;
  if (value === null) return <span className="soft">–</span>;
  return typeof value === "number" ? metric(value) : String(value);
}
