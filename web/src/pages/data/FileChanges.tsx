import { useQuery } from "@tanstack/react-query";
import { fileDiffQuery, type DatasetVersion, type FileChange } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Status, type Tone } from "@/components/Status";
import { bytes, count } from "@/format/numbers";

const TONES: Record<FileChange["change"], Tone> = {
  added: "ok",
  removed: "bad",
  modified: "warn",
  renamed: "info",
};

/** Files that were added, removed, changed or renamed. */
export function FileChanges({ from, to }: { from: DatasetVersion; to: DatasetVersion }) {
  const query = useQuery(fileDiffQuery(to.project, to.name, from.version, to.version));
  return (
    <Loaded query={query} height={320}>
      {({ added, removed, modified, renamed, changes, truncated }) => (
        <Panel
          title="Files"
          note={`${count(added)} added, ${count(removed)} removed, ${count(modified)} modified, ${count(renamed)} renamed`}
          flush
        >
          {changes.length === 0 ? (
            <EmptyState icon="check" title="Every file is the same in both versions" />
          ) : (
            <DataTable
              label="File changes"
              rows={changes}
              rowKey={({ path }) => path}
              columns={[
                {
                  title: "Change",
                  cell: ({ change }) => <Status word={change} tone={TONES[change]} />,
                },
                {
                  title: "Path",
                  cell: ({ path, before }) => (
                    <span className="mono">{before ? `${before} → ${path}` : path}</span>
                  ),
                },
                { title: "Before", right: true, cell: ({ size_before }) => bytes(size_before) },
                { title: "After", right: true, cell: ({ size_after }) => bytes(size_after) },
              ]}
            />
          )}
          {truncated && (
            <p className="soft" style={{ margin: "10px 18px" }}>
              The first {count(changes.length)} are shown. All of them: mw data diff {to.name}@
              {from.version} {to.name}@{to.version}
            </p>
          )}
        </Panel>
      )}
    </Loaded>
  );
}
