import { Button, Checkbox, Group, Modal, NumberInput, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/http";
import { backfillsQuery, planBackfill, startBackfill, type Schedule } from "@/api/rooms/schedules";
import { count } from "@/format/numbers";
import { day } from "@/format/time";
import { useProject } from "@/shell/project";

const DAY_MS = 86_400_000;

/** Runs the fires of a range afterwards; says first how many that would be. */
export function BackfillButton({ schedule }: { schedule: Schedule }) {
  const [opened, dialog] = useDisclosure(false);
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        onClick={dialog.open}
        aria-label={`Backfill ${schedule.name}`}
      >
        Backfill
      </Button>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={`Backfill ${schedule.name}`}
        centered
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Form name={schedule.name} />
        <Earlier name={schedule.name} />
      </Modal>
    </>
  );
}

function Form({ name }: { name: string }) {
  const project = useProject();
  const queries = useQueryClient();
  const [start, setStart] = useState(() => isoDay(Date.now() - 7 * DAY_MS));
  const [end, setEnd] = useState(() => isoDay(Date.now()));
  const [atOnce, setAtOnce] = useState(1);
  const [again, setAgain] = useState(false);
  const plan = useMutation({ mutationFn: () => planBackfill(project, name, { start, end }) });
  const begin = useMutation({
    mutationFn: () => startBackfill(project, name, { start, end, max_active: atOnce, again }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["schedules"] }),
  });
  const error = begin.error ?? plan.error;
  const fires = plan.data?.fires;
  const changed = (set: (value: string) => void) => (value: string) => {
    set(value);
    plan.reset();
  };
  return (
    <>
      <Group grow>
        <Day label="From" value={start} set={changed(setStart)} />
        <Day label="To" value={end} set={changed(setEnd)} />
      </Group>
      <NumberInput
        mt="sm"
        label="Runs at a time"
        min={1}
        max={1000}
        value={atOnce}
        onChange={(value) => setAtOnce(Number(value) || 1)}
      />
      <Checkbox
        mt="sm"
        label="Also run what is done"
        checked={again}
        onChange={(event) => setAgain(event.currentTarget.checked)}
      />
      {fires && (
        <p>
          {count(fires.filter((fire) => again || !fire.done).length)} of {count(fires.length)} fires
          would run.
        </p>
      )}
      {error instanceof ApiError && (
        <p role="alert" style={{ color: "var(--bad)" }}>
          {error.message} {error.hint}
        </p>
      )}
      <Group justify="flex-end" mt="md">
        <Button variant="default" loading={plan.isPending} onClick={() => plan.mutate()}>
          What would run?
        </Button>
        <Button loading={begin.isPending} disabled={begin.isSuccess} onClick={() => begin.mutate()}>
          {begin.isSuccess ? "Started" : "Start"}
        </Button>
      </Group>
    </>
  );
}

function Day({ label, value, set }: { label: string; value: string; set: (v: string) => void }) {
  return (
    <TextInput
      type="date"
      label={label}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
}

function Earlier({ name }: { name: string }) {
  const found = useQuery(backfillsQuery(useProject(), name)).data ?? [];
  if (found.length === 0) return null;
  return (
    <ul style={{ marginBottom: 0, paddingLeft: 18 }} aria-label="Backfills so far">
      {found.slice(0, 5).map((backfill) => (
        <li key={backfill.id}>
          {day(backfill.start)} to {day(backfill.end)}:{" "}
          {Object.entries(backfill.statuses)
            .map(([status, number]) => `${count(number)} ${status}`)
            .join(", ") || "nothing to run"}
          {backfill.done > 0 && <span className="soft">, {count(backfill.done)} done before</span>}
        </li>
      ))}
    </ul>
  );
}

function isoDay(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
