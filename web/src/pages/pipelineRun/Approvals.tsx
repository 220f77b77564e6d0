import { Button, Group, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/http";
import { decideTask, type PipelineRunDetail } from "@/api/rooms/pipelines";
import { Panel } from "@/components/Panel";

/** What the run asks a person before it goes on. */
export function Approvals({ run }: { run: PipelineRunDetail }) {
  const waiting = run.tasks.filter((task) => task.status === "waiting");
  return waiting.map(({ name }) => <Question key={name} run={run} task={name} />);
}

function Question({ run, task }: { run: PipelineRunDetail; task: string }) {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const decide = useMutation({
    mutationFn: (approve: boolean) => decideTask(run.id, task, approve, reason),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["pipelines"] }),
  });
  const node = run.graph.nodes.find(({ name }) => name === task);
  return (
    <Panel title="The run waits for a decision" note={task}>
      <p style={{ marginTop: 0 }}>{node?.message ?? "May it go on?"}</p>
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
    </Panel>
  );
}
