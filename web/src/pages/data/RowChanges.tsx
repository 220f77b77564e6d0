import { useQuery } from "@tanstack/react-query";
import { rowDiffQuery, type DatasetVersion, type TableDiff } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Facts } from "@/components/Facts";
import { Loaded } from "@/components/Loaded";
import { Panel, PanelGrid } from "@/components/Panel";
import { count, percent } from "@/format/numbers";
import { Value, type Cell } from "./Value";

/** Rows and columns of a table that differ, found by its key. */
export function RowChanges({ from, to }: { from: DatasetVersion; to: DatasetVersion }) {
  const query = useQuery(rowDiffQuery(to.project, to.name, from.version, to.version));
  return (
    <Loaded query={query} height={480}>
      {(diff) => (
        <>
          <PanelGrid least={420}>
            <Panel title="Rows" note={keyOf(diff)}>
              <Facts
                facts={[
                  ["Added", count(diff.added)],
                  ["Removed", count(diff.removed)],
                  ["Changed", count(diff.changed)],
                  ["The same", count(diff.unchanged)],
                  ["Columns", schemaOf(diff)],
                ]}
              />
            </Panel>
            <ChangedColumns diff={diff} />
          </PanelGrid>
          <ChangedRows diff={diff} />
          <Examples title="Added rows" rows={diff.added_rows} total={diff.added} />
          <Examples title="Removed rows" rows={diff.removed_rows} total={diff.removed} />
        </>
      )}
    </Loaded>
  );
}

function keyOf({ key, key_origin: origin }: TableDiff): string {
  return origin === "rows" ? "compared as whole rows" : `by ${key.join(", ")}`;
}

function schemaOf({ schema_changes: changes }: TableDiff): string {
  const said = [
    ...changes.added.map((name) => `${name} was added`),
    ...changes.removed.map((name) => `${name} was removed`),
    ...changes.retyped.map(({ name, before, after }) => `${name}: ${before} became ${after}`),
  ];
  return said.join("; ") || "the same in both";
}

function ChangedColumns({ diff }: { diff: TableDiff }) {
  const changed = diff.columns
    .filter((column) => column.changed > 0)
    .sort((one, other) => other.changed - one.changed);
  return (
    <Panel title="Columns that changed" flush>
      {changed.length === 0 ? (
        <EmptyState icon="check" title="No value of a row that is in both changed" />
      ) : (
        <DataTable
          label="Columns that changed"
          rows={changed}
          rowKey={({ name }) => name}
          columns={[
            { title: "Column", cell: ({ name }) => <span className="mono">{name}</span> },
            { title: "Rows", right: true, cell: (column) => count(column.changed) },
            {
              title: "Of the changed",
              right: true,
              cell: (column) => percent(column.changed / Math.max(1, diff.changed), 1),
            },
          ]}
        />
      )}
    </Panel>
  );
}

function ChangedRows({ diff }: { diff: TableDiff }) {
  const names = [...new Set(diff.changed_rows.flatMap(({ cells }) => Object.keys(cells)))];
  if (diff.changed_rows.length === 0) return null;
  return (
    <Panel title="Changed rows" note={shownOf(diff.changed_rows.length, diff.changed)} flush>
      <DataTable
        label="Changed rows"
        dense
        rows={diff.changed_rows}
        rowKey={({ row_after: row }) => String(row)}
        columns={[
          ...diff.key.map((name) => ({
            title: name,
            cell: ({ key }: (typeof diff.changed_rows)[number]) => <Value value={key[name]} />,
          })),
          ...names.map((name) => ({
            title: name,
            cell: ({ cells }: (typeof diff.changed_rows)[number]) => (
              <BeforeAfter pair={cells[name]} />
            ),
          })),
        ]}
      />
    </Panel>
  );
}

function BeforeAfter({ pair }: { pair: readonly [Cell, Cell] | undefined }) {
  if (!pair) return <span className="soft">·</span>;
  return (
    <>
      <del className="soft">
        <Value value={pair[0]} />
      </del>{" "}
      → <Value value={pair[1]} />
    </>
  );
}

type Example = TableDiff["added_rows"][number];

interface ExamplesProps {
  title: string;
  rows: readonly Example[];
  total: number;
}

function Examples({ title, rows, total }: ExamplesProps) {
  const [first] = rows;
  if (!first) return null;
  return (
    <Panel title={title} note={shownOf(rows.length, total)} flush>
      <DataTable
        label={title}
        dense
        rows={rows}
        rowKey={({ row }) => String(row)}
        columns={Object.keys(first.values).map((name) => ({
          title: name,
          right: rows.some(({ values }) => typeof values[name] === "number"),
          cell: ({ values }: Example) => <Value value={values[name]} />,
        }))}
      />
    </Panel>
  );
}

function shownOf(shown: number, total: number): string {
  return shown < total ? `the first ${count(shown)} of ${count(total)}` : count(total);
}
