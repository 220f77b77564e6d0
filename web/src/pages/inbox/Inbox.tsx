import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { change } from "@/api/client";
import { inboxQuery, type Mention } from "@/api/rooms/collaboration";
import { approvalsQuery, type Approval } from "@/api/rooms/pipelines";
import { waitingQuery } from "@/api/rooms/registry";
import { Decision } from "@/approvals/Decision";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Markdown } from "@/components/Markdown";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import { moment } from "@/format/time";
import { Answer } from "@/pages/pipelineRun/Approvals";
import { useProject } from "@/shell/project";
import css from "./Inbox.module.css";

/** What waits for the reader: versions and runs to decide on, and comments that name them. */
export function Inbox() {
  const project = useProject();
  const waiting = useQuery(waitingQuery(project));
  const inbox = useQuery(inboxQuery(project));
  const asked = useQuery(approvalsQuery(project));
  return (
    <Page title="Inbox" lead={inbox.data && `What waits for ${inbox.data.person} in this project.`}>
      <Panel title="Approvals" note={waiting.data?.length || undefined}>
        <Loaded query={waiting} height={160}>
          {(entries) =>
            entries.length === 0 ? (
              <EmptyState icon="check" title="No version waits for approval">
                A version is listed here when the project file asks for approvals before it may take
                an alias (registry.approvals).
              </EmptyState>
            ) : (
              <ul className={css.list} aria-label="Versions that wait for approval">
                {entries.map((entry) => (
                  <li key={`${entry.version.id} ${entry.state.alias}`}>
                    <Decision entry={entry} named />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
      <Panel title="Pipelines that wait" note={asked.data?.length || undefined}>
        <Loaded query={asked} height={160}>
          {(questions) =>
            questions.length === 0 ? (
              <EmptyState icon="pipeline" title="No pipeline asks anything">
                A run is listed here when it has come to an approval, and goes on once somebody has
                said yes.
              </EmptyState>
            ) : (
              <ul className={css.list} aria-label="Pipelines that wait">
                {questions.map((question) => (
                  <li key={`${question.run_id} ${question.task}`}>
                    <Question question={question} />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
      <Panel title="Mentions" note={inbox.data && <ReadAll mentions={inbox.data.mentions} />}>
        <Loaded query={inbox} height={160}>
          {({ mentions, person }) =>
            mentions.length === 0 ? (
              <EmptyState icon="inbox" title="Nobody has mentioned you yet">
                Comments on runs and versions that say @{person} arrive here.
              </EmptyState>
            ) : (
              <ul className={css.list} aria-label="Mentions">
                {mentions.map((mention) => (
                  <li key={mention.comment.id} data-new={!mention.read || undefined}>
                    <Said mention={mention} />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function Question({ question }: { question: Approval }) {
  const { run_id: run, task, pipeline, message, asked, expires } = question;
  return (
    <article className={css.said}>
      <header>
        <Link to="/pipelines/$run" params={{ run }}>
          {pipeline}
        </Link>
        <span className="soft">
          asked <When time={asked} />
          {expires && `, and takes silence for a no on ${moment(expires)}`}
        </span>
      </header>
      <p style={{ margin: 0 }}>{message}</p>
      <Answer run={run} task={task} />
    </article>
  );
}

function Said({ mention }: { mention: Mention }) {
  const { comment, label, href, read } = mention;
  const mark = useMarkRead();
  return (
    <article className={css.said}>
      <header>
        <strong>{comment.actor}</strong>{" "}
        <span className="soft">
          on{" "}
          {href ? (
            <Link to={href} search={{ tab: "comments" }} onClick={() => mark.mutate([comment.id])}>
              {label}
            </Link>
          ) : (
            label
          )}{" "}
          · <When time={comment.created_at} />
        </span>
        {!read && (
          <Button
            size="compact-xs"
            variant="subtle"
            ml="auto"
            onClick={() => mark.mutate([comment.id])}
          >
            Mark as read
          </Button>
        )}
      </header>
      <Markdown text={comment.body} />
    </article>
  );
}

function ReadAll({ mentions }: { mentions: readonly Mention[] }) {
  const mark = useMarkRead();
  const fresh = mentions.filter(({ read }) => !read).map(({ comment }) => comment.id);
  if (fresh.length === 0) return null;
  return (
    <Button size="compact-xs" variant="subtle" onClick={() => mark.mutate(fresh)}>
      Mark all {fresh.length} as read
    </Button>
  );
}

function useMarkRead() {
  const project = useProject();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (comments: string[]) =>
      change("post", "/api/v1/projects/{project}/inbox/read", { project }, { comments }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["comments"] }),
  });
}
