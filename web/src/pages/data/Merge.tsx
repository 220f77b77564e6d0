import { Button, Group, NativeSelect, SegmentedControl } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError } from "@/api/http";
import {
  mergeBranch,
  refsQuery,
  type DatasetVersion,
  type MergeOutcome,
  type RowConflict,
  type Side,
} from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { count } from "@/format/numbers";
import { Value } from "./Value";
import css from "./Versions.module.css";

/** Brings what was done on one branch into another; nothing is shown where there is only one. */
export function Merge({ version }: { version: DatasetVersion }) {
  const refs = useQuery(refsQuery(version.project, version.name)).data ?? [];
  const branches = refs.filter(({ kind }) => kind === "branch").map(({ ref }) => ref);
  const [first, second] = branches;
  if (first === undefined || second === undefined) return null;
  const into = branches.includes("main") ? "main" : first;
  const from = branches.find((name) => name !== into) ?? second;
  return <Merging version={version} branches={branches} usual={[from, into]} />;
}

interface Props {
  version: DatasetVersion;
  branches: readonly string[];
  usual: readonly [from: string, into: string];
}

function Merging({ version, branches, usual }: Props) {
  const [from, setFrom] = useState(usual[0]);
  const [into, setInto] = useState(usual[1]);
  const [found, setFound] = useState<MergeOutcome>();
  const [taken, setTaken] = useState<Readonly<Record<string, Side>>>({});
  const queries = useQueryClient();
  const merge = useMutation({
    mutationFn: (wish: { try: boolean; prefer?: Side }) =>
      mergeBranch(version, from, {
        into,
        dry_run: wish.try,
        prefer: wish.prefer ?? null,
        resolutions: (found?.unresolved ?? []).flatMap((conflict) => {
          const take = taken[placeOf(conflict)];
          return take ? [{ key: conflict.key, column: conflict.column ?? null, take }] : [];
        }),
        key: [],
        message: "",
      }),
    onSuccess: (outcome) => {
      setFound(outcome);
      return outcome.version ? queries.invalidateQueries({ queryKey: ["data"] }) : undefined;
    },
  });
  const choose = (set: (name: string) => void, name: string) => {
    set(name);
    setTaken({});
    setFound(undefined);
    merge.reset();
  };
  const left = found ? found.conflicts - Object.keys(taken).length : 0;
  return (
    <Panel
      title="Merge"
      note="rows by key, files by path; nothing is lost without being asked"
      flush
    >
      <div className={css.merging}>
        <Branch label="Merge" value={from} all={branches} onChange={(to) => choose(setFrom, to)} />
        <Branch label="into" value={into} all={branches} onChange={(to) => choose(setInto, to)} />
        <Button
          size="xs"
          variant="default"
          disabled={from === into}
          loading={merge.isPending}
          onClick={() => merge.mutate({ try: true })}
        >
          See what it would do
        </Button>
        {found && !found.version && found.how !== "already-merged" && (
          <Button
            size="xs"
            disabled={left > 0}
            loading={merge.isPending}
            onClick={() => merge.mutate({ try: false })}
          >
            Merge
          </Button>
        )}
      </div>
      {merge.error instanceof ApiError && (
        <p role="alert" className={css.refused}>
          {merge.error.message} {merge.error.hint}
        </p>
      )}
      {found && <Outcome found={found} into={into} from={from} name={version.name} />}
      {found && found.unresolved.length > 0 && (
        <Conflicts
          found={found}
          taken={taken}
          sides={[into, from]}
          onTake={(place, side) => setTaken({ ...taken, [place]: side })}
          onTakeAll={(prefer) => merge.mutate({ try: false, prefer })}
        />
      )}
    </Panel>
  );
}

interface BranchProps {
  label: string;
  value: string;
  all: readonly string[];
  onChange: (name: string) => void;
}

function Branch({ label, value, all, onChange }: BranchProps) {
  return (
    <Group component="label" gap={8}>
      <span className="soft">{label}</span>
      <NativeSelect
        size="xs"
        data={[...all]}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </Group>
  );
}

interface OutcomeProps {
  found: MergeOutcome;
  into: string;
  from: string;
  name: string;
}

function Outcome({ found, into, from, name }: OutcomeProps) {
  if (found.how === "already-merged") {
    return <p className={css.outcome}>{`${into} already has everything of ${from}.`}</p>;
  }
  if (found.how === "conflicts") {
    const places = found.conflicts === 1 ? "1 place" : `${count(found.conflicts)} places`;
    return (
      <p className={css.outcome}>
        {`Both sides went different ways in ${places}. Say which side holds; until then nothing is merged.`}
      </p>
    );
  }
  const changes = `${count(found.rows_changed)} changed, ${count(found.rows_added)} added, ${count(found.rows_removed)} removed`;
  return (
    <p className={css.outcome} role="status">
      {found.version ? (
        <>
          {"Merged as "}
          <Link
            to="/data/$dataset"
            params={{ dataset: name }}
            search={(before) => ({ ...before, version: found.version?.version })}
          >
            {`version ${found.version.version}`}
          </Link>
          {`: ${changes}.`}
        </>
      ) : (
        `Without conflicts: ${changes}.`
      )}
    </p>
  );
}

interface ConflictsProps {
  found: MergeOutcome;
  taken: Readonly<Record<string, Side>>;
  sides: readonly [ours: string, theirs: string];
  onTake: (place: string, side: Side) => void;
  onTakeAll: (side: Side) => void;
}

function Conflicts({ found, taken, sides, onTake, onTakeAll }: ConflictsProps) {
  const [ours, theirs] = sides;
  return (
    <>
      <DataTable
        label="Conflicts"
        dense
        rows={found.unresolved}
        rowKey={placeOf}
        columns={[
          {
            title: "Row",
            cell: ({ key }) =>
              Object.entries(key)
                .map(([name, value]) => `${name} ${String(value)}`)
                .join(", "),
          },
          { title: "Column", cell: ({ column }) => <span className="mono">{column ?? ""}</span> },
          { title: "Before", cell: (one) => one.kind === "changed" && <Value value={one.base} /> },
          { title: ours, cell: (one) => <SideOf conflict={one} side="ours" /> },
          { title: theirs, cell: (one) => <SideOf conflict={one} side="theirs" /> },
          {
            title: "Take",
            right: true,
            cell: (one) => (
              <SegmentedControl
                size="xs"
                aria-label={`What holds for ${placeOf(one)}`}
                data={[
                  { value: "ours", label: ours },
                  { value: "theirs", label: theirs },
                ]}
                value={taken[placeOf(one)] ?? ""}
                onChange={(side) => onTake(placeOf(one), side as Side)}
              />
            ),
          },
        ]}
      />
      <div className={css.naming}>
        {sides.map((branch, at) => (
          <Button
            key={branch}
            size="xs"
            variant="default"
            onClick={() => onTakeAll(at === 0 ? "ours" : "theirs")}
          >
            {`Merge, ${branch} holds everywhere`}
          </Button>
        ))}
        {found.conflicts > found.unresolved.length && (
          <span className="soft">
            {`the first ${count(found.unresolved.length)} of ${count(found.conflicts)} are listed`}
          </span>
        )}
      </div>
    </>
  );
}

function SideOf({ conflict, side }: { conflict: RowConflict; side: Side }) {
  if (conflict.kind === "changed") return <Value value={conflict[side]} />;
  if (conflict.kind === "path") return "changed the file";
  return conflict.kind === `removed-by-${side}` ? "removed the row" : "changed the row";
}

function placeOf({ key, column }: RowConflict): string {
  return `${JSON.stringify(key)} ${column ?? ""}`;
}
