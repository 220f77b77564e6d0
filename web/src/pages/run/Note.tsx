import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { change } from "@/api/client";
import type { Run } from "@/api/rooms/tracking";
import { Markdown } from "@/components/Markdown";
import { Panel } from "@/components/Panel";
import { CommentBox } from "@/discussion/CommentBox";

/** The tag in which MLflow's clients keep a run's description. */
const TAG = "mlflow.note.content";

/** What is worth knowing of a run, in Markdown; kept where MLflow's clients keep it too. */
export function Note({ run }: { run: Run }) {
  const [editing, setEditing] = useState(false);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (text: string) =>
      change("post", "/api/v1/runs/{run}/tags", { run: run.id }, { tags: { [TAG]: text } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["runs", "one", run.id] });
      setEditing(false);
    },
  });
  const text = run.tags[TAG];
  return (
    <Panel
      title="Notes"
      note={
        !editing && (
          <Button size="compact-xs" variant="subtle" onClick={() => setEditing(true)}>
            {text ? "Edit" : "Write"}
          </Button>
        )
      }
    >
      {editing ? (
        <CommentBox
          label="Notes"
          action="Save"
          first={text ?? ""}
          onSend={(body) => save.mutateAsync(body)}
          onCancel={() => setEditing(false)}
          pending={save.isPending}
          error={save.error}
        />
      ) : text ? (
        <Markdown text={text} />
      ) : (
        <span className="soft">Nothing yet.</span>
      )}
    </Panel>
  );
}
