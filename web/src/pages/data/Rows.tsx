import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { previewQuery, type DatasetVersion } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { count } from "@/format/numbers";
import { Value, type Cell } from "./Value";

const PAGE = 50;
const NUMBERS = /^(u?int|float|double|half|decimal)/;

/** The rows of a table, a page at a time, read where they lie. */
export function Rows({ version }: { version: DatasetVersion }) {
  const [offset, setOffset] = useState(0);
  const query = useQuery(previewQuery(version, offset, PAGE));
  return (
    <Loaded query={query} height={480}>
      {({ columns, types, rows, total }) => (
        <Panel
          title="Rows"
          note={
            <Group gap="xs">
              <span>
                {count(offset + 1)} to {count(offset + rows.length)} of {count(total)}
              </span>
              <Turn to="First" disabled={offset === 0} go={() => setOffset(0)} />
              <Turn to="Earlier" disabled={offset === 0} go={() => setOffset(offset - PAGE)} />
              <Turn
                to="Later"
                disabled={offset + PAGE >= total}
                go={() => setOffset(offset + PAGE)}
              />
              <Turn
                to="Last"
                disabled={offset + PAGE >= total}
                go={() => setOffset(Math.floor((total - 1) / PAGE) * PAGE)}
              />
            </Group>
          }
          flush
        >
          <DataTable
            label="Rows"
            dense
            rows={rows}
            rowKey={(_, index) => String(offset + index)}
            columns={columns.map((name, index) => ({
              title: name,
              right: NUMBERS.test(types[index] ?? ""),
              cell: (row: readonly Cell[]) => <Value value={row[index]} />,
            }))}
          />
        </Panel>
      )}
    </Loaded>
  );
}

function Turn({ to, disabled, go }: { to: string; disabled: boolean; go: () => void }) {
  return (
    <Button size="compact-sm" variant="default" disabled={disabled} onClick={go}>
      {to}
    </Button>
  );
}
