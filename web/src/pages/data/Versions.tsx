import { Link } from "@tanstack/react-router";
import type { DatasetVersion } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { Facts } from "@/components/Facts";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import { bytes, count } from "@/format/numbers";
import { moment } from "@/format/time";

interface Props {
  version: DatasetVersion;
  versions: readonly DatasetVersion[];
}

/** Every version that is kept, newest first, and what is known of the chosen one. */
export function Versions({ version, versions }: Props) {
  return (
    <>
      <Panel title={`Version ${version.version}`}>
        <Facts
          facts={[
            ["Source", version.source || "–"],
            ["Kept", moment(version.created_at)],
            ["Size", bytes(version.size)],
            ["Digest", <span className="mono">{version.digest}</span>],
          ]}
        />
      </Panel>
      <Panel title="History" note={`${count(versions.length)} versions`} flush>
        <DataTable
          label="Versions"
          rows={versions}
          rowKey={({ id }) => id}
          marked={({ id }) => id === version.id}
          columns={[
            {
              title: "Version",
              cell: ({ name, version: number }) => (
                <Link
                  to="/data/$dataset"
                  params={{ dataset: name }}
                  search={(before) => ({ ...before, version: number })}
                >
                  {number}
                </Link>
              ),
            },
            { title: "Rows", right: true, cell: ({ rows }) => count(rows) },
            { title: "Size", right: true, cell: ({ size }) => bytes(size) },
            { title: "Source", cell: ({ source }) => source || "–" },
            { title: "By", cell: ({ created_by }) => created_by },
            { title: "Kept", cell: ({ created_at }) => <When time={created_at} /> },
          ]}
        />
      </Panel>
    </>
  );
}
