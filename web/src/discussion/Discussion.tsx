import { Button, Group } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { change } from "@/api/client";
import { ApiError } from "@/api/http";
import { commentsQuery, whoamiQuery, type Comment } from "@/api/rooms/collaboration";
import { Loaded } from "@/components/Loaded";
import { Markdown } from "@/components/Markdown";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import { useProject } from "@/shell/project";
import { CommentBox } from "./CommentBox";
import css from "./Discussion.module.css";

/** What people said of one run or version, and room to say more. */
export function Discussion({ subject }: { subject: string }) {
  const project = useProject();
  const queries = useQueryClient();
  const query = useQuery(commentsQuery(project, subject));
  const add = useMutation({
    mutationFn: (body: string) =>
      change("post", "/api/v1/projects/{project}/comments", { project }, { subject, body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["comments"] }),
  });
  return (
    <Panel
      title="Comments"
      note={query.data && query.data.length > 0 ? query.data.length : undefined}
    >
      <Loaded query={query} height={120}>
        {(comments) => (
          <div className={css.all}>
            {comments.length > 0 && (
              <ol className={css.list} aria-label="Comments">
                {comments.map((comment) => (
                  <li key={comment.id}>
                    <Said comment={comment} />
                  </li>
                ))}
              </ol>
            )}
            <CommentBox
              label="Say something"
              action="Comment"
              onSend={(body) => add.mutateAsync(body)}
              pending={add.isPending}
              error={add.error}
            />
          </div>
        )}
      </Loaded>
    </Panel>
  );
}

function Said({ comment }: { comment: Comment }) {
  const project = useProject();
  const queries = useQueryClient();
  const me = useQuery(whoamiQuery).data?.name;
  const [editing, setEditing] = useState(false);
  const names = { project, comment: comment.id };
  const settle = { onSuccess: () => queries.invalidateQueries({ queryKey: ["comments"] }) };
  const edit = useMutation({
    mutationFn: (body: string) =>
      change("patch", "/api/v1/projects/{project}/comments/{comment}", names, { body }),
    ...settle,
  });
  const remove = useMutation({
    mutationFn: () => change("delete", "/api/v1/projects/{project}/comments/{comment}", names, {}),
    ...settle,
  });
  return (
    <article className={css.said} aria-label={`${comment.actor} said`}>
      <header className={css.head}>
        <span className={css.badge} aria-hidden="true">
          {comment.actor.slice(0, 1).toUpperCase()}
        </span>
        <strong>{comment.actor}</strong>
        <span className="soft">
          <When time={comment.created_at} />
          {comment.edited_at && " · edited"}
        </span>
        {me === comment.actor && !editing && (
          <Group gap={4} ml="auto">
            <Button size="compact-xs" variant="subtle" onClick={() => setEditing(true)}>
              Edit
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              loading={remove.isPending}
              onClick={() => remove.mutate()}
            >
              Remove
            </Button>
          </Group>
        )}
      </header>
      {editing ? (
        <CommentBox
          label="Edit the comment"
          action="Save"
          first={comment.body}
          onSend={(body) => edit.mutateAsync(body).then(() => setEditing(false))}
          onCancel={() => setEditing(false)}
          pending={edit.isPending}
          error={edit.error}
        />
      ) : (
        <Markdown text={comment.body} />
      )}
      {remove.error instanceof ApiError && <p role="alert">{remove.error.message}</p>}
    </article>
  );
}
