import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import UPlot from "uplot";
import { metric } from "@/format/numbers";
import { clock, joined, positions, smoothed, type Points, type XKind } from "./curveData";
import css from "./Curves.module.css";

export interface Curve {
  name: string;
  /** A colour token such as `--series-1`. */
  colour: string;
  points: Points;
}

interface Props {
  label: string;
  curves: readonly Curve[];
  x: XKind;
  log: boolean;
  /** 0 for none, towards 1 for more. */
  smoothing: number;
  height?: number;
  /** The legend; without it the readings are written over the chart's top. */
  legend?: boolean;
  /** A stretch of steps was chosen by dragging, or none by a double click. */
  onZoom?: (range: { first: number; last: number } | null) => void;
  onDrawn?: (canvas: HTMLCanvasElement) => void;
}

/** Metrics as curves: several runs, smoothed or not, over steps or time. */
export function Curves({
  label,
  curves,
  x,
  log,
  smoothing,
  height = 200,
  legend,
  onZoom,
  onDrawn,
}: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const scheme = useComputedColorScheme("light");
  const drawn = useMemo(() => prepared(curves, x, smoothing, log), [curves, x, smoothing, log]);
  const latest = useRef({ onZoom, onDrawn });
  useEffect(() => {
    latest.current = { onZoom, onDrawn };
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const zoom = (range: { first: number; last: number } | null) => {
      if (x === "step") latest.current.onZoom?.(range);
    };
    const plot = new UPlot(
      { ...optionsOf(drawn, x, log, setCursor, zoom), width: element.clientWidth || 400, height },
      drawn.data as UPlot.AlignedData,
      element,
    );
    latest.current.onDrawn?.(plot.ctx.canvas);
    const reset = () => zoom(null);
    plot.over.addEventListener("dblclick", reset);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
    // Colours are read from the page's tokens, so a change of theme draws anew.
  }, [drawn, x, log, height, scheme]);

  return (
    <div className={css.box}>
      <div ref={host} className={css.chart} role="img" aria-label={label} />
      {legend !== false && (
        <ul className={css.legend} aria-label={`Readings of ${label}`}>
          {drawn.lines
            .filter(({ faint }) => !faint)
            .map(({ name, colour, column }) => (
              <li key={column}>
                <span className={css.swatch} style={{ background: `var(${colour})` }} />
                <span className="clip" title={name}>
                  {name}
                </span>
                <span className={css.reading}>{reading(drawn.data[column], cursor)}</span>
              </li>
            ))}
        </ul>
      )}
    </div>
  );
}

interface Drawn {
  data: (number | null | undefined)[][];
  lines: { name: string; colour: string; faint: boolean; column: number; points: boolean }[];
}

function prepared(curves: readonly Curve[], x: XKind, smoothing: number, log: boolean): Drawn {
  const drawable = (value: number | null) => (value === null || (log && value <= 0) ? null : value);
  const parts = curves.flatMap((curve) => {
    const at = positions(curve.points, x);
    const few = curve.points.values.length <= 40;
    const raw = { ...curve, x: at, y: curve.points.values.map(drawable), few };
    if (smoothing <= 0) return [{ ...raw, faint: false }];
    const y = smoothed(curve.points.values, smoothing).map(drawable);
    return [
      { ...raw, faint: true, few: false },
      { ...raw, y, faint: false },
    ];
  });
  return {
    data: joined(parts),
    lines: parts.map(({ name, colour, faint, few }, index) => ({
      name,
      colour,
      faint,
      column: index + 1,
      points: few,
    })),
  };
}

function optionsOf(
  drawn: Drawn,
  x: XKind,
  log: boolean,
  onCursor: (index: number | null) => void,
  onZoom: (range: { first: number; last: number }) => void,
): Omit<UPlot.Options, "width" | "height"> {
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const axis = {
    stroke: colour("--ink-soft"),
    font: "11px ui-sans-serif, system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false } },
    ms: 1,
    scales: { x: { time: x === "time" }, y: log ? { distr: 3 } : {} },
    axes: [
      {
        ...axis,
        size: 28,
        values: x === "relative" ? (_, at) => at.map((value) => clock(value)) : undefined,
      },
      {
        ...axis,
        size: 56,
        values: (_, at) => at.map((value) => (value === null ? "" : short(value))),
      },
    ],
    series: [
      {},
      ...drawn.lines.map((line) => ({
        stroke: colour(line.colour),
        alpha: line.faint ? 0.28 : 1,
        width: line.faint ? 1 : 1.8,
        spanGaps: false,
        points: { show: line.points, size: 4, fill: colour(line.colour) },
      })),
    ],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          onZoom({ first: Math.floor(from), last: Math.ceil(to) });
        },
      ],
    },
  };
}

/** An axis label of few characters: 12K, 0.05, 1e-6. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(0);
  return size >= 10_000 ? `${value / 1000}K` : String(Number(value.toPrecision(4)));
}

function reading(values: Drawn["data"][number] | undefined, cursor: number | null): string {
  if (!values) return "–";
  const known = (value: number | null | undefined) => value !== null && value !== undefined;
  const found =
    cursor === null ? values.findLast(known) : values.slice(0, cursor + 1).findLast(known);
  return metric(found ?? undefined);
}
