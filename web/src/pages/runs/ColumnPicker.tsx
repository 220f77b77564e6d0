import { Button, Checkbox, Popover, TextInput } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { Icon } from "@/components/Icon";
import { count } from "@/format/numbers";
import { expand, kindWord, parseColumn, toggled } from "./columnIds";
import css from "./ColumnPicker.module.css";

interface Props {
  /** Every metric, parameter and tag as the id of a column. */
  available: readonly string[];
  /** Ids and patterns. */
  chosen: readonly string[];
  onChange: (chosen: readonly string[] | undefined) => void;
}

const LINE = 30;

/** Which metrics, parameters and tags have a column, among thousands of them. */
export function ColumnPicker({ available, chosen, onChange }: Props) {
  const [text, setText] = useState("");
  const shown = useMemo(() => new Set(expand(chosen, available)), [chosen, available]);
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const matching = available.filter((id) => id.toLowerCase().includes(wanted));
    return [...matching.filter((id) => shown.has(id)), ...matching.filter((id) => !shown.has(id))];
    // What is ticked stays where it is until the list is searched or opened again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [text, available]);
  const all = pattern(text, available, found);
  return (
    <Popover position="bottom-end" trapFocus shadow="md" width={340}>
      <Popover.Target>
        <Button variant="default" size="sm">
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns">
        <TextInput
          size="xs"
          aria-label="Search columns"
          placeholder={`Search ${count(available.length)} columns`}
          leftSection={<Icon name="search" size={14} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-autofocus
        />
        <Choices
          ids={found}
          shown={shown}
          onToggle={(id) => onChange(toggled(chosen, id, available))}
        />
        <div className={css.foot}>
          <Button
            size="compact-xs"
            variant="subtle"
            disabled={found.length === 0}
            onClick={() => onChange([...new Set([...chosen, ...all])])}
          >
            Show {text ? `these ${count(found.length)}` : `all ${count(found.length)}`}
          </Button>
          <Button size="compact-xs" variant="subtle" onClick={() => onChange([])}>
            None
          </Button>
          <Button size="compact-xs" variant="subtle" onClick={() => onChange(undefined)}>
            Usual ones
          </Button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

function Choices({
  ids,
  shown,
  onToggle,
}: {
  ids: readonly string[];
  shown: ReadonlySet<string>;
  onToggle: (id: string) => void;
}) {
  const scroll = useRef<HTMLDivElement>(null);
  const lines = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE,
    overscan: 6,
    initialRect: { width: 300, height: 300 },
  });
  return (
    <div className={css.list} ref={scroll} tabIndex={-1}>
      <div style={{ height: lines.getTotalSize(), position: "relative" }}>
        {lines.getVirtualItems().map((line) => {
          const id = ids[line.index];
          if (id === undefined) return null;
          const { kind, key } = parseColumn(id);
          return (
            <div
              key={id}
              className={css.line}
              style={{ transform: `translateY(${line.start}px)`, height: LINE }}
            >
              <Checkbox
                size="xs"
                label={key}
                aria-label={`${kind.slice(0, -1)} ${key}`}
                checked={shown.has(id)}
                onChange={() => onToggle(id)}
              />
              <span className={css.kind}>{kindWord(id) ?? "metric"}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The found columns as one pattern where they are all that begin so, else by name. */
function pattern(text: string, available: readonly string[], found: readonly string[]): string[] {
  const kinds = ["metrics.", "params.", "tags."];
  const starts = text.trim() === "" ? kinds : kinds.map((kind) => `${kind}${text.trim()}`);
  const patterns = starts.filter((start) => available.some((id) => id.startsWith(start)));
  const meant = new Set(
    expand(
      patterns.map((start) => `${start}*`),
      available,
    ),
  );
  return meant.size === found.length ? patterns.map((start) => `${start}*`) : [...found];
}
