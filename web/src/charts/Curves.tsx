import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import UPlot from "uplot";
import { metric } from "@/format/numbers";
import { clock, joined, positions, smoothed, type Points, type XKind } from "./curveData";
import type { Picture } from "./exportPng";
import css from "./Curves.module.css";

export interface Curve {
  name: string;
  /** A colour token such as `--series-1`. */
  colour: string;
  /** Lengths of strokes and gaps; none for a whole line. */
  dash?: readonly number[];
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
  /** Called with what makes a picture of the curves, twice as large as they are shown. */
  onDrawn?: (picture: () => Promise<Picture>) => void;
}

const PICTURE_SCALE = 2;

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
    latest.current.onDrawn?.(() => picture(drawn, x, log, element.clientWidth || 400, height));
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
            .map(({ name, colour, dash, column }) => (
              <li key={column}>
                <span className={css.swatch} style={{ background: swatch(colour, dash) }} />
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

/** The curves drawn anew beside the page, for an image that is sharp where it is shown large. */
async function picture(
  drawn: Drawn,
  x: XKind,
  log: boolean,
  width: number,
  height: number,
): Promise<Picture> {
  const nothing = () => undefined;
  const plot = new UPlot(
    {
      ...optionsOf(drawn, x, log, nothing, nothing, PICTURE_SCALE),
      width: width * PICTURE_SCALE,
      height: height * PICTURE_SCALE,
    },
    drawn.data as UPlot.AlignedData,
    document.createElement("div"),
  );
  // It draws once this turn of the event loop is over.
  await new Promise((resolve) => setTimeout(resolve));
  const { canvas } = plot.ctx;
  const legend = drawn.lines.filter(({ faint }) => !faint);
  const scale = PICTURE_SCALE * (devicePixelRatio || 1);
  return { canvas, scale, legend: legend.length > 1 ? legend : [] };
}

function swatch(colour: string, dash: readonly number[]): string {
  const [stroke, gap] = dash;
  if (stroke === undefined || gap === undefined) return `var(${colour})`;
  const end = stroke + gap;
  return `repeating-linear-gradient(90deg, var(${colour}) 0 ${stroke}px, transparent ${stroke}px ${end}px)`;
}

interface Drawn {
  data: (number | null | undefined)[][];
  lines: {
    name: string;
    colour: string;
    dash: readonly number[];
    faint: boolean;
    column: number;
    points: boolean;
  }[];
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
    lines: parts.map(({ name, colour, dash = [], faint, few }, index) => ({
      name,
      colour,
      dash,
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
  scale = 1,
): Omit<UPlot.Options, "width" | "height"> {
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const axis = {
    stroke: colour("--ink-soft"),
    font: `${11 * scale}px ui-sans-serif, system-ui, sans-serif`,
    gap: 5 * scale,
    space: 50 * scale,
    grid: { stroke: colour("--line"), width: scale },
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
        size: 28 * scale,
        values: x === "relative" ? (_, at) => at.map((value) => clock(value)) : undefined,
      },
      {
        ...axis,
        size: 56 * scale,
        space: 30 * scale,
        values: (_, at) => at.map((value) => (value === null ? "" : short(value))),
      },
    ],
    series: [
      {},
      ...drawn.lines.map((line) => ({
        stroke: colour(line.colour),
        alpha: line.faint ? 0.28 : 1,
        width: (line.faint ? 1 : 1.8) * scale,
        dash: line.faint ? undefined : line.dash.map((length) => length * scale),
        spanGaps: false,
        points: { show: line.points, size: 4 * scale, fill: colour(line.colour) },
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
