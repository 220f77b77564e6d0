import { Button, Checkbox, NativeSelect, Popover } from "@mantine/core";
import { useMemo, useRef } from "react";
import { Parallel } from "@/charts/Parallel";
import { asDrawn, SavePng } from "@/charts/SavePng";
import { Panel } from "@/components/Panel";
import type { CompareSearch } from "./compareSearch";
import type { Compared } from "./Compare";
import { dimension, dimensionIds, telling } from "./dimensions";
import css from "./Compare.module.css";

const MOST_AXES = 6;

interface Props {
  compared: Compared;
  search: CompareSearch;
  onChange: (part: CompareSearch) => void;
}

/** Parallel coordinates of the chosen parameters and metrics. */
export function ParallelTab({ compared, search, onChange }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ids = useMemo(() => dimensionIds(compared), [compared]);
  const axes = useMemo(
    () => (search.axes ?? telling(compared, MOST_AXES)).filter((id) => ids.includes(id)),
    [search.axes, compared, ids],
  );
  const dimensions = useMemo(() => axes.map((id) => dimension(compared, id)), [axes, compared]);
  const names = useMemo(() => compared.runs.map(({ name }) => name), [compared]);
  const by = search.up && axes.includes(search.up) ? search.up : (axes.at(-1) ?? "");
  const toggle = (id: string) =>
    onChange({ axes: axes.includes(id) ? axes.filter((each) => each !== id) : [...axes, id] });
  return (
    <Panel
      title="Parallel coordinates"
      note={<SavePng title="Parallel coordinates" picture={() => asDrawn(canvas.current)} />}
    >
      <div className={css.controls}>
        <Popover position="bottom-start" trapFocus shadow="md">
          <Popover.Target>
            <Button size="xs" variant="default">
              Axes ({axes.length})
            </Button>
          </Popover.Target>
          <Popover.Dropdown aria-label="Axes">
            <div className={css.choices}>
              {ids.slice(0, 300).map((id) => (
                <Checkbox
                  key={id}
                  size="xs"
                  label={id}
                  checked={axes.includes(id)}
                  onChange={() => toggle(id)}
                />
              ))}
            </div>
          </Popover.Dropdown>
        </Popover>
        <NativeSelect
          size="xs"
          aria-label="Coloured by"
          value={by}
          data={axes.map((id) => ({ value: id, label: `coloured by ${id}` }))}
          onChange={(event) => onChange({ up: event.currentTarget.value })}
        />
      </div>
      <Parallel
        label={`Parallel coordinates of ${names.length} runs over ${axes.join(", ")}`}
        names={names}
        dimensions={dimensions}
        coloured={Math.max(0, axes.indexOf(by))}
        onDrawn={(element) => {
          canvas.current = element;
        }}
      />
    </Panel>
  );
}
