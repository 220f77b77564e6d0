import { Button, Group, Modal, Select, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/http";
import { endSilence, silence, silencesQuery, type Alert } from "@/api/rooms/monitoring";
import { moment } from "@/format/time";

const LENGTHS = [
  { value: "1h", label: "One hour" },
  { value: "8h", label: "Eight hours" },
  { value: "1d", label: "A day" },
  { value: "7d", label: "A week" },
];

/** Tell nobody of this kind of alert for a while. */
export function SilenceButton({ alert }: { alert: Alert }) {
  const queries = useQueryClient();
  const [opened, dialog] = useDisclosure(false);
  const [duration, setDuration] = useState("1h");
  const [reason, setReason] = useState("");
  const change = useMutation({
    mutationFn: () =>
      silence(alert.project, {
        reason,
        duration,
        deployment: alert.deployment,
        kind: alert.kind,
      }),
    onSuccess: () => {
      dialog.close();
      return queries.invalidateQueries({ queryKey: ["silences"] });
    },
  });
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={dialog.open}>
        Silence
      </Button>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={`Silence ${alert.kind.replaceAll("_", " ")} of ${alert.deployment}`}
        centered
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <p>Alerts are raised and shown as ever; messages wait until the silence is over.</p>
        <Select
          label="For"
          data={LENGTHS}
          value={duration}
          allowDeselect={false}
          onChange={(value) => setDuration(value ?? "1h")}
        />
        <TextInput
          label="Reason"
          mt="sm"
          required
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {change.error instanceof ApiError && (
          <p role="alert" style={{ color: "var(--bad)" }}>
            {change.error.message} {change.error.hint}
          </p>
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={dialog.close}>
            Cancel
          </Button>
          <Button
            disabled={!reason.trim()}
            loading={change.isPending}
            onClick={() => change.mutate()}
          >
            Silence
          </Button>
        </Group>
      </Modal>
    </>
  );
}

/** The silences that hold now, with a way to end each. */
export function Silences({ project, deployment }: { project: string; deployment: string }) {
  const queries = useQueryClient();
  const found = useQuery(silencesQuery(project)).data ?? [];
  const end = useMutation({
    mutationFn: (id: string) => endSilence(project, id),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["silences"] }),
  });
  const active = found.filter(
    (one) => one.active && (one.deployment === null || one.deployment === deployment),
  );
  return (
    <>
      {active.map((one) => (
        <Group key={one.id} justify="space-between" wrap="nowrap" mb="sm">
          <span className="soft">
            {one.kind ? one.kind.replaceAll("_", " ") : "Every alert"} silenced by {one.created_by}{" "}
            until {moment(one.until)}: {one.reason}
          </span>
          <Button size="compact-xs" variant="default" onClick={() => end.mutate(one.id)}>
            End silence
          </Button>
        </Group>
      ))}
    </>
  );
}
