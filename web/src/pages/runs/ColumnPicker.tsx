import { Button, Checkbox, Popover } from "@mantine/core";
import type { LoggedColumn } from "./runTree";
import css from "./Runs.module.css";

interface Props {
  available: readonly LoggedColumn[];
  shown: readonly LoggedColumn[];
  onChange: (ids: ReadonlySet<string>) => void;
}

/** Which metrics and parameters have a column. */
export function ColumnPicker({ available, shown, onChange }: Props) {
  const ids = new Set(shown.map(({ id }) => id));
  const toggle = (id: string) => {
    const next = new Set(ids);
    if (!next.delete(id)) next.add(id);
    onChange(next);
  };
  return (
    <Popover position="bottom-end" trapFocus shadow="md">
      <Popover.Target>
        <Button variant="default" size="sm">
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns">
        <div className={css.picker}>
          {(["metric", "param"] as const).map((kind) => (
            <fieldset key={kind} className={css.choices}>
              <legend>{kind === "metric" ? "Metrics" : "Parameters"}</legend>
              {available
                .filter((column) => column.kind === kind)
                .map(({ id, key }) => (
                  <Checkbox
                    key={id}
                    size="xs"
                    label={key}
                    checked={ids.has(id)}
                    onChange={() => toggle(id)}
                  />
                ))}
            </fieldset>
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
