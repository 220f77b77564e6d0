import { Button, Group, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/http";
import { decideTask, type PipelineRunDetail } from "@/api/rooms/pipelines";
import { Panel } from "@/components/Panel";

/** What the run asks a person before it goes on. */
export function Approvals({ run }: { run: PipelineRunDetail }) {
  const waiting = run.tasks.filter((task) => task.status === "waiting");
  return waiting.map(({ name }) => (
    <Panel key={name} title="The run waits for a decision" note={name}>
      <p style={{ marginTop: 0 }}>
        {run.graph.nodes.find((node) => node.name === name)?.message ?? "May it go on?"}
      </p>
      <Answer run={run.id} task={name} />
    </Panel>
  ));
}

/** Yes or no, with a reason, to a question that a run asks. */
export function Answer({ run, task }: { run: string; task: string }) {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const decide = useMutation({
    mutationFn: (approve: boolean) => decideTask(run, task, approve, reason),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["pipelines"] }),
  });
  return (
    <>
      <Textarea
        label="Reason"
        description="Kept with the decision and your name."
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        autosize
        minRows={2}
      />
      {decide.error instanceof ApiError && (
        <p role="alert" style={{ color: "var(--bad)" }}>
          {decide.error.message} {decide.error.hint}
        </p>
      )}
      <Group mt="md">
        <Button size="xs" loading={decide.isPending} onClick={() => decide.mutate(true)}>
          Approve
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={decide.isPending}
          onClick={() => decide.mutate(false)}
        >
          Reject
        </Button>
      </Group>
    </>
  );
}
