export type XKind = "step" | "time" | "relative";

/** The points of one curve, by position; null where a value is not finite. */
export interface Points {
  steps: readonly number[];
  times: readonly number[];
  values: readonly (number | null)[];
}

/**
 * An exponential moving average without the pull of its start: each value is divided by the weight
 * that has been given out so far, as Adam's moments are (Kingma and Ba 2015). `weight` 0 changes
 * nothing; towards 1 the past counts for more. Nulls are passed over.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  let mean = 0;
  let left = 1;
  return values.map((value) => {
    if (value === null) return null;
    mean = mean * weight + value * (1 - weight);
    left *= weight;
    return mean / (1 - left);
  });
}

/** Positions on the x axis: steps, milliseconds since 1970, or seconds since the first point. */
export function positions(points: Points, kind: XKind): number[] {
  if (kind === "step") return [...points.steps];
  if (kind === "time") return [...points.times];
  const start = Math.min(...points.times);
  return points.times.map((time) => (time - start) / 1000);
}

/**
 * Several curves over one common axis: every x that any of them has, in order, and each curve's
 * values there, `undefined` where it has no point. Of points at the same x the last one counts.
 */
export function joined(
  curves: readonly { x: readonly number[]; y: readonly (number | null)[] }[],
): [number[], ...(number | null | undefined)[][]] {
  const all = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const places = new Map(all.map((value, index) => [value, index]));
  const columns = curves.map(({ x, y }) => {
    const column = new Array<number | null | undefined>(all.length).fill(undefined);
    x.forEach((value, index) => {
      const place = places.get(value);
      if (place !== undefined) column[place] = y[index] ?? null;
    });
    return column;
  });
  return [all, ...columns];
}

const COLOURS = 9;
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2]];

/** The colour token of the nth of several curves; after nine they begin again, dashed. */
export function colourOf(index: number): string {
  return `--series-${(index % COLOURS) + 1}`;
}

/** The dashes of the nth of several curves, so that two of one colour can be told apart. */
export function dashOf(index: number): readonly number[] {
  return DASHES[Math.floor(index / COLOURS) % DASHES.length] ?? [];
}

/** 90 as "1:30", 4000 as "1:06:40": for an axis of seconds. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  if (Math.abs(seconds) < 10) return `${Number(seconds.toFixed(2))} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
