import { useQuery } from "@tanstack/react-query";
import { tombstonesQuery, type DatasetVersion } from "@/api/rooms/data";
import { Panel } from "@/components/Panel";
import { Timeline } from "@/components/Timeline";
import { count } from "@/format/numbers";
import { moment } from "@/format/time";

/** What was erased from the versions of a dataset; nothing is shown where nothing was. */
export function Tombstones({ version }: { version: DatasetVersion }) {
  const found = useQuery(tombstonesQuery(version.project, version.name)).data ?? [];
  if (found.length === 0) return null;
  return (
    <Panel title="Erased" note="the bytes are gone; this is what is left to know">
      <Timeline
        label="Erasures"
        moments={found.map((stone) => ({
          key: `${stone.erased_at} ${stone.version}`,
          tone: "warn",
          icon: "warning",
          title: `${told(stone.paths, stone.rows)} of version ${stone.version}`,
          detail: `${stone.reason} (${moment(stone.erased_at)}, by ${stone.erased_by})`,
        }))}
      />
    </Panel>
  );
}

function told(paths: number, rows: number): string {
  if (rows > 0) return rows === 1 ? "1 row" : `${count(rows)} rows`;
  return paths === 1 ? "1 file" : `${count(paths)} files`;
}
