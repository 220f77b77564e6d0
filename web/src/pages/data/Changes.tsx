import { Group, NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { DatasetVersion } from "@/api/rooms/data";
import { EmptyState } from "@/components/EmptyState";
import { FileChanges } from "./FileChanges";
import { RowChanges } from "./RowChanges";

interface Props {
  version: DatasetVersion;
  versions: readonly DatasetVersion[];
}

/** What differs between an earlier version and the chosen one. */
export function Changes({ version, versions }: Props) {
  const others = versions.filter(({ id, kind }) => id !== version.id && kind === version.kind);
  const parent = others.find(({ id }) => version.parents.includes(id)) ?? others[0];
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const from = others.find(({ id }) => id === chosen) ?? parent;
  if (!from) {
    return (
      <EmptyState icon="data" title="There is only one version yet" command="mw data add PATH">
        When the data changes, keep it again: this page then shows what is different.
      </EmptyState>
    );
  }
  return (
    <>
      <Group gap="sm">
        <NativeSelect
          aria-label="Compare with"
          value={from.id}
          data={others.map(({ id, version: number, message }) => ({
            value: id,
            label: `Since version ${number}${message ? `: ${message.slice(0, 60)}` : ""}`,
          }))}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
        <span className="soft">up to version {version.version}</span>
      </Group>
      {version.kind === "table" ? (
        <RowChanges from={from} to={version} />
      ) : (
        <FileChanges from={from} to={version} />
      )}
    </>
  );
}
