import { Link } from "@tanstack/react-router";
import {
  createExpandedRowModel,
  createSortedRowModel,
  metaHelper,
  rowExpandingFeature,
  rowSortingFeature,
  tableFeatures,
  type ColumnDef,
  type Row,
} from "@tanstack/react-table";
import { Icon } from "@/components/Icon";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { metric } from "@/format/numbers";
import { duration } from "@/format/time";
import { loggedValue, type LoggedColumn, type RunNode } from "./runTree";
import css from "./Runs.module.css";

interface Meta {
  title: string;
  width: number;
  right?: boolean;
  kind?: string;
}

export const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  rowExpandingFeature,
  expandedRowModel: createExpandedRowModel(),
  columnMeta: metaHelper<Meta>(),
});

type Features = typeof features;
type Definition = ColumnDef<Features, RunNode> & { meta: Meta };

/** The columns every run has, then those of what it logged. */
export function runColumns(logged: readonly LoggedColumn[]): Definition[] {
  return [...FIXED, ...logged.map(loggedDefinition)];
}

const FIXED: Definition[] = [
  {
    id: "name",
    accessorFn: ({ run }) => run.name,
    cell: ({ row }) => <NameCell row={row} />,
    meta: { title: "Run", width: 220 },
  },
  {
    id: "status",
    accessorFn: ({ run }) => run.status,
    cell: ({ row }) => <Status word={row.original.run.status} />,
    meta: { title: "Status", width: 112 },
  },
  {
    id: "created",
    accessorFn: ({ run }) => run.created_at,
    cell: ({ row }) => <When time={row.original.run.created_at} />,
    meta: { title: "Started", width: 108 },
  },
  {
    id: "duration",
    accessorFn: ({ run }) => run.duration_ms ?? undefined,
    cell: ({ row }) => duration(row.original.run.duration_ms),
    sortUndefined: "last",
    meta: { title: "Duration", width: 100, right: true },
  },
  {
    id: "experiment",
    accessorFn: ({ run }) => run.experiment,
    cell: ({ row }) => row.original.run.experiment,
    meta: { title: "Experiment", width: 116 },
  },
];

function loggedDefinition(column: LoggedColumn): Definition {
  return {
    id: column.id,
    accessorFn: ({ run }) => loggedValue(run, column),
    cell: ({ row }) => {
      const value = loggedValue(row.original.run, column);
      if (value === undefined) return <span className="soft">–</span>;
      return typeof value === "number" ? metric(value) : value;
    },
    sortUndefined: "last",
    meta: {
      title: column.key,
      kind: column.kind === "param" ? "param" : undefined,
      width: 124,
      right: true,
    },
  };
}

function NameCell({ row }: { row: Row<Features, RunNode> }) {
  const { run, children } = row.original;
  const open = row.getIsExpanded();
  return (
    <span className={css.name} style={{ paddingLeft: row.depth * 20 }}>
      {children.length > 0 ? (
        <button
          type="button"
          className={css.toggle}
          aria-expanded={open}
          aria-label={`${children.length} trials of ${run.name}`}
          onClick={() => row.toggleExpanded()}
        >
          <Icon name={open ? "down" : "right"} size={16} />
        </button>
      ) : (
        <span className={css.gap} />
      )}
      <Link to="/runs/$run" params={{ run: run.id }} className="clip">
        {run.name}
      </Link>
      {children.length > 0 && <span className="soft">{children.length}</span>}
    </span>
  );
}
