import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type KeyboardEvent } from "react";
import { ApiError } from "@/api/http";
import { peopleQuery } from "@/api/rooms/collaboration";
import { useProject } from "@/shell/project";
import css from "./Discussion.module.css";

interface Props {
  label: string;
  action: string;
  first?: string;
  onSend: (body: string) => Promise<unknown>;
  onCancel?: () => void;
  pending: boolean;
  error: unknown;
}

/** A place to write Markdown; names are offered after an @. Control and Enter send it. */
export function CommentBox({ label, action, first = "", onSend, onCancel, pending, error }: Props) {
  const [text, setText] = useState(first);
  const [part, setPart] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const people = useQuery(peopleQuery(useProject())).data ?? [];
  const offered =
    part === null ? [] : people.filter((name) => name.toLowerCase().startsWith(part)).slice(0, 6);
  const send = () => {
    if (text.trim() === "") return;
    onSend(text).then(
      () => setText(""),
      () => {
        // The error is shown below, and the words stay.
      },
    );
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    if (event.key === "Escape") setPart(null);
    const [only] = offered;
    if (event.key === "Tab" && part && only) {
      event.preventDefault();
      name(only);
    }
  };
  const name = (person: string) => {
    const at = box.current?.selectionStart ?? text.length;
    const before = text.slice(0, at).replace(/@[\w.-]*$/, `@${person} `);
    setText(before + text.slice(at));
    setPart(null);
    requestAnimationFrame(() => {
      box.current?.focus();
      box.current?.setSelectionRange(before.length, before.length);
    });
  };
  return (
    <div className={css.box}>
      <textarea
        ref={box}
        className={css.input}
        aria-label={label}
        placeholder="Markdown; @name reaches somebody"
        rows={3}
        maxLength={10_000}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          const before = event.currentTarget.value.slice(0, event.currentTarget.selectionStart);
          setPart(/(?:^|\s)@([\w.-]*)$/.exec(before)?.[1]?.toLowerCase() ?? null);
        }}
        onKeyDown={keys}
      />
      {offered.length > 0 && (
        <Group gap={4} role="group" aria-label="People">
          {offered.map((person) => (
            <Button key={person} size="compact-xs" variant="default" onClick={() => name(person)}>
              @{person}
            </Button>
          ))}
        </Group>
      )}
      {error instanceof ApiError && (
        <p role="alert" className={css.error}>
          {error.message} {error.hint}
        </p>
      )}
      <Group justify="flex-end" gap={8}>
        {onCancel && (
          <Button size="xs" variant="default" onClick={onCancel}>
            Cancel
          </Button>
        )}
        <Button size="xs" onClick={send} loading={pending} disabled={text.trim() === ""}>
          {action}
        </Button>
      </Group>
    </div>
  );
}
