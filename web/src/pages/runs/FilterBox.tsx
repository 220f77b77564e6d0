import { Loader, TextInput } from "@mantine/core";
import { useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { Icon } from "@/components/Icon";
import { complete, type Names } from "./completion";
import css from "./FilterBox.module.css";

interface Props {
  value: string;
  names: Names;
  busy: boolean;
  error: string | undefined;
  onApply: (text: string) => void;
}

/** A search box that completes names, comparators and values of the search grammar. */
export function FilterBox({ value, names, busy, error, onApply }: Props) {
  const [text, setText] = useState(value);
  const [from, setFrom] = useState(value);
  const [at, setAt] = useState(-1);
  const [cursor, setCursor] = useState<number | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  if (from !== value) {
    setFrom(value);
    setText(value);
  }
  const found = useMemo(
    () => (cursor === null ? null : complete(text, cursor, names)),
    [text, cursor, names],
  );
  const options = found?.options ?? [];

  const take = (option: string) => {
    if (!found) return;
    const next = text.slice(0, found.from) + option + text.slice(found.to).replace(/^ /, "");
    const place = found.from + option.length;
    setText(next);
    setAt(-1);
    requestAnimationFrame(() => {
      input.current?.setSelectionRange(place, place);
      setCursor(place);
    });
  };
  const apply = () => {
    setCursor(null);
    onApply(text.trim());
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      const option = options[at];
      if (option) take(option.text);
      else apply();
    } else if (event.key === "Escape") {
      setCursor(null);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (cursor === null) setCursor(input.current?.selectionStart ?? text.length);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((before) => Math.max(-1, Math.min(options.length - 1, before + step)));
    } else if (event.key === "Tab" && options[at]) {
      event.preventDefault();
      take(options[at].text);
    }
  };
  const open = cursor !== null && options.length > 0;
  return (
    <div className={css.box}>
      <TextInput
        ref={input}
        aria-label="Search"
        role="combobox"
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${list}-${at}` : undefined}
        placeholder="Name, or metrics.auc > 0.8 AND params.family = 'gbdt'"
        leftSection={busy ? <Loader size={14} /> : <Icon name="search" size={16} />}
        value={text}
        error={error}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setCursor(event.currentTarget.selectionStart);
          setAt(-1);
          if (event.currentTarget.value === "") onApply("");
        }}
        onKeyDown={keys}
        onBlur={() => {
          setCursor(null);
          if (text.trim() !== value) onApply(text.trim());
        }}
      />
      {open && (
        <ul className={css.options} role="listbox" id={list} aria-label="Completions">
          {options.map(({ text: option, note }, index) => (
            <li
              key={option}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === at}
              ref={index === at ? (item) => item?.scrollIntoView({ block: "nearest" }) : undefined}
              onMouseDown={(event) => {
                event.preventDefault();
                take(option);
              }}
            >
              <span className="mono">{option}</span>
              <span className={css.note}>{note}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
