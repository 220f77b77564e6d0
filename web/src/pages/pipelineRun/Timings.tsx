import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import type { PipelineRunDetail, Task } from "@/api/rooms/pipelines";
import { toneOf } from "@/components/Status";
import { duration } from "@/format/time";
import css from "./Timings.module.css";

interface Props {
  run: PipelineRunDetail;
  chosen: string | null;
  choose: (task: string) => void;
}

const ROW = 28;
const LEAST = 0.25;

/** When each step ran, on one line of time; of thousands only those in sight are drawn. */
export function Timings({ run, chosen, choose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const bars = run.tasks.flatMap(barOf).sort((a, b) => a.from - b.from);
  const rows = useVirtualizer({
    count: bars.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 20,
  });
  const first = bars[0];
  if (!first) {
    return <p className={`soft ${css.none}`}>No step had to run: all came from the cache.</p>;
  }
  const begin = first.from;
  const span = Math.max(...bars.map(({ to }) => to - begin), 1);
  return (
    <div className={css.box} ref={box} tabIndex={0} role="region" aria-label="Timings of steps">
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const bar = bars[index];
          if (!bar) return null;
          const { task, from, to } = bar;
          return (
            <button
              key={task.name}
              type="button"
              className={css.row}
              style={{ transform: `translateY(${start}px)`, height: ROW }}
              data-chosen={task.name === chosen || undefined}
              onClick={() => choose(task.name)}
            >
              <span className="clip" title={task.name}>
                {task.name}
              </span>
              <span className={css.line}>
                <span
                  className={css.bar}
                  data-tone={toneOf(task.status)}
                  style={{
                    left: `${(100 * (from - begin)) / span}%`,
                    width: `${Math.max(LEAST, (100 * (to - from)) / span)}%`,
                  }}
                />
              </span>
              <span className="num nowrap">{duration(to - from)}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}

/** A step that ran, with its time; those from the cache took none. */
function barOf(task: Task) {
  if (!task.started || task.status === "cached") return [];
  const to = task.finished ? Date.parse(task.finished) : Date.now();
  return [{ task, from: Date.parse(task.started), to }];
}
