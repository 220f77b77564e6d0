import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import {
  deleteRef,
  putRef,
  refsQuery,
  type DatasetRef,
  type DatasetVersion,
} from "@/api/rooms/data";
import { ConfirmButton } from "@/components/ConfirmButton";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import css from "./Versions.module.css";

type Kind = DatasetRef["kind"];

/** The tags and branches of a dataset: to go to, to make and to take away. */
export function Names({ version }: { version: DatasetVersion }) {
  const query = useQuery(refsQuery(version.project, version.name));
  return (
    <Panel title="Tags and branches" note="a tag stays; a branch moves with new versions" flush>
      <Loaded query={query} height={120}>
        {(refs) =>
          refs.length === 0 ? (
            <EmptyState icon="data" title="No version has a name yet" />
          ) : (
            <Listed refs={refs} version={version} />
          )
        }
      </Loaded>
      <NewName version={version} />
    </Panel>
  );
}

function Listed({ refs, version }: { refs: readonly DatasetRef[]; version: DatasetVersion }) {
  return (
    <DataTable
      label="Tags and branches"
      rows={refs}
      rowKey={({ ref }) => ref}
      columns={[
        {
          title: "Name",
          cell: ({ ref, kind, version: number }) => (
            <Link
              className={kind === "branch" ? css.branch : css.tag}
              to="/data/$dataset"
              params={{ dataset: version.name }}
              search={(before) => ({ ...before, version: number })}
            >
              {ref}
            </Link>
          ),
        },
        { title: "Kind", cell: ({ kind }) => kind },
        { title: "Version", right: true, cell: ({ version: number }) => number },
        {
          title: "Set",
          cell: ({ updated_at, updated_by }) =>
            updated_at ? (
              <>
                <When time={updated_at} /> by {updated_by}
              </>
            ) : (
              "–"
            ),
        },
        {
          title: "",
          right: true,
          cell: (listed) => listed.updated_at && <Removal listed={listed} version={version} />,
        },
      ]}
    />
  );
}

function Removal({ listed, version }: { listed: DatasetRef; version: DatasetVersion }) {
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteRef(version.project, version.name, listed.ref),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["data"] }),
  });
  return (
    <ConfirmButton
      label="Remove"
      title={`Remove the ${listed.kind} ${listed.ref}?`}
      explanation={`Version ${listed.version} itself stays; only the name goes.`}
      run={() => removal.mutateAsync()}
      pending={removal.isPending}
      error={removal.error}
      size="compact-xs"
      variant="subtle"
      color="red"
    />
  );
}

function NewName({ version }: { version: DatasetVersion }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState<Kind>("tag");
  const queries = useQueryClient();
  const naming = useMutation({
    mutationFn: () => putRef(version, name.trim(), kind),
    onSuccess: () => {
      setName("");
      return queries.invalidateQueries({ queryKey: ["data"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    naming.mutate();
  };
  return (
    <form className={css.naming} onSubmit={submit}>
      <NativeSelect
        aria-label="Kind of name"
        size="xs"
        data={[
          { value: "tag", label: "Tag" },
          { value: "branch", label: "Branch" },
        ]}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as Kind)}
      />
      <TextInput
        aria-label={`Name for version ${version.version}`}
        placeholder={kind === "tag" ? "such as approved" : "such as cleaning"}
        size="xs"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={naming.error?.message}
      />
      <Button
        type="submit"
        size="xs"
        variant="default"
        disabled={name.trim() === ""}
        loading={naming.isPending}
      >
        {kind === "tag" ? "Tag" : "Branch from"} version {version.version}
      </Button>
    </form>
  );
}
