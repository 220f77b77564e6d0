import { NativeSelect } from "@mantine/core";
import { useMemo, useRef } from "react";
import { asDrawn, SavePng } from "@/charts/SavePng";
import { Scatter } from "@/charts/Scatter";
import { Panel } from "@/components/Panel";
import type { CompareSearch } from "./compareSearch";
import type { Compared } from "./Compare";
import { dimension, dimensionIds, telling } from "./dimensions";
import css from "./Compare.module.css";

interface Props {
  compared: Compared;
  search: CompareSearch;
  onChange: (part: CompareSearch) => void;
}

/** Any parameter or metric of the runs against any other. */
export function ScatterTab({ compared, search, onChange }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ids = useMemo(() => dimensionIds(compared), [compared]);
  const first = useMemo(() => telling(compared, 4), [compared]);
  const across = search.across ?? first[0] ?? "";
  const up = search.up ?? first.findLast((id) => id.startsWith("metrics.")) ?? first[1] ?? across;
  const x = useMemo(() => dimension(compared, across), [compared, across]);
  const y = useMemo(() => dimension(compared, up), [compared, up]);
  const names = useMemo(() => compared.runs.map(({ name }) => name), [compared]);
  const title = `${y.name} by ${x.name}`;
  return (
    <Panel title={title} note={<SavePng title={title} picture={() => asDrawn(canvas.current)} />}>
      <div className={css.controls}>
        <NativeSelect
          size="xs"
          label="Across"
          value={across}
          data={ids}
          onChange={(event) => onChange({ across: event.currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          label="Up"
          value={up}
          data={ids}
          onChange={(event) => onChange({ up: event.currentTarget.value })}
        />
      </div>
      <Scatter
        label={`${title}, one dot for each of ${names.length} runs`}
        names={names}
        x={x}
        y={y}
        onDrawn={(element) => {
          canvas.current = element;
        }}
      />
    </Panel>
  );
}
