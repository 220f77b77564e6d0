import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { filesQuery, type DatasetVersion, type FileItem } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { bytes, count, short } from "@/format/numbers";
import css from "./Files.module.css";

/** The folders and files of a version, a folder at a time. */
export function Files({ version }: { version: DatasetVersion }) {
  const [path, setPath] = useState("");
  // Where each page before this one began, so that one can go back.
  const [pages, setPages] = useState<(string | undefined)[]>([undefined]);
  const query = useQuery(filesQuery(version, path, pages.at(-1)));
  const enter = (next: string) => {
    setPath(next);
    setPages([undefined]);
  };
  return (
    <Panel title="Files" note={`${count(version.files)} files, ${bytes(version.size)}`} flush>
      <Trail path={path} root={version.name} enter={enter} />
      <Loaded query={query} height={320}>
        {({ items, after }) => (
          <>
            <Listing items={items} open={(name) => enter(path ? `${path}/${name}` : name)} />
            {(after || pages.length > 1) && (
              <Group p="sm" gap="xs">
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={pages.length === 1}
                  onClick={() => setPages(pages.slice(0, -1))}
                >
                  Earlier names
                </Button>
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={!after}
                  onClick={() => setPages([...pages, after ?? undefined])}
                >
                  Later names
                </Button>
              </Group>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

interface TrailProps {
  path: string;
  root: string;
  enter: (path: string) => void;
}

function Trail({ path, root, enter }: TrailProps) {
  const parts = path === "" ? [] : path.split("/");
  return (
    <nav className={css.trail} aria-label="Folder">
      <button type="button" onClick={() => enter("")}>
        {root}
      </button>
      {parts.map((part, index) => (
        <span key={parts.slice(0, index + 1).join("/")}>
          <span aria-hidden="true">/</span>
          <button type="button" onClick={() => enter(parts.slice(0, index + 1).join("/"))}>
            {part}
          </button>
        </span>
      ))}
    </nav>
  );
}

function Listing({ items, open }: { items: readonly FileItem[]; open: (name: string) => void }) {
  if (items.length === 0) return <EmptyState icon="data" title="This folder is empty" />;
  return (
    <DataTable
      label="Files"
      rows={items}
      rowKey={({ name }) => name}
      columns={[
        {
          title: "Name",
          cell: ({ name, kind }) =>
            kind === "folder" ? (
              <button type="button" className={css.folder} onClick={() => open(name)}>
                {name}/
              </button>
            ) : (
              <span className="mono">{name}</span>
            ),
        },
        {
          title: "Kind",
          cell: ({ kind }) => (kind === "erased" ? <Status word="erased" tone="warn" /> : kind),
        },
        {
          title: "Files",
          right: true,
          cell: ({ kind, files }) => (kind === "folder" ? count(files) : ""),
        },
        { title: "Size", right: true, cell: ({ size }) => bytes(size) },
        {
          title: "Digest",
          cell: ({ digest }) => <span className="mono soft">{short(digest)}</span>,
        },
      ]}
    />
  );
}
