import type UPlot from "uplot";
import { shortDay } from "@/format/time";

export interface Line {
  name: string;
  values: readonly (number | null)[];
  /** A colour token such as `--series-1`. */
  colour: string;
  dashed?: boolean;
  /** Leave a gap where there is no value, rather than bridge it. */
  broken?: boolean;
  band?: { low: readonly (number | null)[]; high: readonly (number | null)[] };
}

/** Something that happened at a moment: a promotion, a retraining. */
export interface Mark {
  at: number;
  text: string;
  colour: string;
}

interface Request {
  x: readonly number[];
  lines: readonly Line[];
  marks: readonly Mark[];
  steps: boolean | undefined;
  format: (value: number) => string;
  onCursor: (index: number | null) => void;
}

type Options = Omit<UPlot.Options, "width" | "height">;

/** The uPlot description of a chart, in the colours of the page as it looks now. */
export function plotOptions(request: Request): { options: Options; data: UPlot.AlignedData } {
  const { x, lines, marks, steps, format, onCursor } = request;
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const series: UPlot.Series[] = [{}];
  const bands: UPlot.Band[] = [];
  const columns: (readonly (number | null)[])[] = [];
  const add = (values: readonly (number | null)[], options: UPlot.Series) => {
    columns.push(values);
    return series.push(options) - 1;
  };
  for (const line of lines) {
    if (line.band) {
      const high = add(line.band.high, { points: { show: false }, width: 0 });
      const low = add(line.band.low, { points: { show: false }, width: 0 });
      bands.push({ series: [high, low], fill: colour("--band") });
    }
    add(line.values, {
      stroke: colour(line.colour),
      width: line.dashed ? 1.5 : 2,
      dash: line.dashed ? [5, 4] : undefined,
      points: {
        show: !line.dashed && line.values.length <= 60,
        size: 5,
        fill: colour(line.colour),
      },
      spanGaps: !line.broken,
    });
  }
  const axis = {
    stroke: colour("--ink-soft"),
    font: "11px ui-sans-serif, system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const options: Options = {
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { time: !steps }, y: { range: padded } },
    ms: 1,
    tzDate: (stamp) => asUtc(stamp),
    axes: [
      { ...axis, size: 30, values: steps ? undefined : (_, splits) => labels(splits, x) },
      { ...axis, size: 58, values: (_, splits) => splits.map((value) => brief(format(value))) },
    ],
    series,
    bands,
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      draw: [(plot) => drawMarks(plot, marks, colour)],
    },
  };
  return { options, data: [x, ...columns] as UPlot.AlignedData };
}

/** 0.8 for 0.8000: an axis needs no more digits than tell its steps apart. */
function brief(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** A date whose local fields are the UTC fields: time in data is shown in UTC. */
function asUtc(stamp: number): Date {
  const date = new Date(stamp);
  return new Date(stamp + date.getTimezoneOffset() * 60_000);
}

function labels(splits: number[], x: readonly number[]): string[] {
  const span = (x.at(-1) ?? 0) - (x[0] ?? 0);
  if (span > 2 * 86_400_000) return splits.map((value) => shortDay(value));
  return splits.map((value) => new Date(value).toISOString().slice(11, span > 600_000 ? 16 : 19));
}

function padded(_: UPlot, low: number | null, high: number | null): UPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.12;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

function drawMarks(plot: UPlot, marks: readonly Mark[], colour: (token: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const mark of marks) {
    const left = plot.valToPos(mark.at, "x", true);
    if (left < bbox.left || left > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colour(mark.colour);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
