import { Button, Group, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { change } from "@/api/client";
import { ApiError } from "@/api/http";
import { whoamiQuery } from "@/api/rooms/collaboration";
import type { WaitingApproval } from "@/api/rooms/registry";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { useProject } from "@/shell/project";
import css from "./Decision.module.css";

interface Props {
  entry: WaitingApproval;
  /** Say which version it is about. */
  named?: boolean;
}

/** A version that may not take an alias yet: who said what, and the reader's own word. */
export function Decision({ entry, named }: Props) {
  const { version, state, may_decide: mayDecide, why } = entry;
  const project = useProject();
  const queries = useQueryClient();
  const reasons = useId();
  const [comment, setComment] = useState("");
  const me = useQuery(whoamiQuery).data?.name;
  const say = useMutation({
    mutationFn: (verdict: "approved" | "rejected") =>
      change(
        "post",
        "/api/v1/projects/{project}/models/{model}/versions/{version}/approvals",
        { project, model: version.model, version: String(version.version) },
        { alias: state.alias, verdict, comment },
      ),
    onSuccess: () => {
      setComment("");
      return Promise.all(
        ["approvals", "models"].map((key) => queries.invalidateQueries({ queryKey: [key] })),
      );
    },
  });
  const left = Math.max(0, state.required - state.counted);
  return (
    <section className={css.decision} aria-label={`${version.model} version ${version.version}`}>
      <div className={css.head}>
        {named && (
          <Link
            to="/models/$model/$version"
            params={{ model: version.model, version: String(version.version) }}
            search={{ tab: "approvals" }}
          >
            <strong>
              {version.model} version {version.version}
            </strong>
          </Link>
        )}
        <span>
          wants to become <Status word={state.alias} tone="info" icon="star" />
        </span>
        <span className="soft">
          registered <When time={version.created_at} /> by {version.actor}
        </span>
        <span className={css.count}>
          {state.counted} of {state.required} approvals
          {left > 0 && `, ${left} to go`}
        </span>
      </div>
      {state.said.length > 0 && (
        <ul className={css.said} aria-label="What was said">
          {state.said.map((each) => (
            <li key={each.actor}>
              <Status word={each.verdict} tone={each.verdict === "approved" ? "ok" : "bad"} />{" "}
              <strong>{each.actor}</strong>
              {each.by_author && <span className="soft"> (registered it: kept, not counted)</span>}
              {each.comment && <>: {each.comment}</>}{" "}
              <span className="soft">
                <When time={each.at} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {why && <p className={css.why}>{why}</p>}
      {me === "local" && !mayDecide && (
        <p className={css.why}>
          Here everybody is “local”. With tokens (mw token create) each person has a name of their
          own, and a second one can approve.
        </p>
      )}
      {mayDecide && (
        <>
          <Textarea
            id={reasons}
            aria-label="Reason"
            placeholder="Why? It is kept in the audit trail."
            autosize={false}
            rows={2}
            maxLength={2000}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          <Group gap={8}>
            <Button size="xs" loading={say.isPending} onClick={() => say.mutate("approved")}>
              Approve
            </Button>
            <Button
              size="xs"
              variant="default"
              loading={say.isPending}
              disabled={comment.trim() === ""}
              title={comment.trim() === "" ? "A rejection needs a reason." : undefined}
              onClick={() => say.mutate("rejected")}
            >
              Reject
            </Button>
          </Group>
        </>
      )}
      {say.error instanceof ApiError && (
        <p role="alert" className={css.error}>
          {say.error.message} {say.error.hint}
        </p>
      )}
    </section>
  );
}
