import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import UPlot from "uplot";
import { plotOptions, type Line, type Mark } from "./plotOptions";
import css from "./TimeSeries.module.css";

export type { Line, Mark };

interface Props {
  /** What the chart shows, for people who cannot see it. */
  label: string;
  /** Milliseconds since the epoch, or steps when `steps`. */
  x: readonly number[];
  lines: readonly Line[];
  marks?: readonly Mark[];
  height?: number;
  steps?: boolean;
  format: (value: number) => string;
}

/** Values over time, with optional bands of uncertainty and marks for what happened when. */
export function TimeSeries({ label, x, lines, marks = [], height = 220, steps, format }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const scheme = useComputedColorScheme("light");

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const { options, data } = plotOptions({ x, lines, marks, steps, format, onCursor: setCursor });
    const plot = new UPlot(
      { ...options, width: element.clientWidth || 600, height },
      data,
      element,
    );
    const observer = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
    // Colours are read from the page's tokens, so a change of theme draws anew.
  }, [x, lines, marks, steps, format, height, scheme]);

  return (
    <div>
      <ul className={css.legend}>
        {lines.map((line) => (
          <li key={line.name}>
            <span
              className={line.dashed ? `${css.swatch} ${css.dashed}` : css.swatch}
              style={{ borderColor: `var(${line.colour})` }}
            />
            {line.name}
            <span className={css.reading}>{reading(line.values, cursor, format)}</span>
          </li>
        ))}
        {marks.length > 0 && (
          <li>
            <span aria-hidden="true">┆</span> {[...new Set(marks.map((m) => m.text))].join(", ")}
          </li>
        )}
      </ul>
      <div ref={host} className={css.chart} role="img" aria-label={label} />
    </div>
  );
}

/** The value under the pointer; without one, the latest there is. */
function reading(
  values: Line["values"],
  cursor: number | null,
  format: (value: number) => string,
): string {
  const value = cursor === null ? values.findLast((each) => each !== null) : values[cursor];
  return value == null ? "–" : format(value);
}
