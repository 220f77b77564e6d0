import { useCallback, useMemo, useState } from "react";
import { metric } from "@/format/numbers";
import { Canvas, type Brush } from "./Canvas";
import { scaleOf } from "./scales";

export interface Dimension {
  name: string;
  values: readonly unknown[];
}

interface Props {
  label: string;
  names: readonly string[];
  dimensions: readonly Dimension[];
  /** Which of them colours the lines. */
  coloured: number;
  onDrawn?: (canvas: HTMLCanvasElement) => void;
}

const HEIGHT = 420;
const TOP = 44;
const BOTTOM = 24;
const SIDE = 70;
const NEAR = 12;

/** Each run as a line through its parameters and metrics. */
export function Parallel({ label, names, dimensions, coloured, onDrawn }: Props) {
  const [near, setNear] = useState<number | null>(null);
  const scales = useMemo(
    () => dimensions.map(({ values }) => scaleOf(values, metric)),
    [dimensions],
  );
  const place = useCallback(
    (axis: number, width: number) =>
      SIDE + (axis * (width - 2 * SIDE)) / Math.max(1, dimensions.length - 1),
    [dimensions],
  );
  const at = useCallback(
    (run: number, axis: number) => {
      const share = scales[axis]?.at(dimensions[axis]?.values[run]);
      return share == null ? null : TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
    },
    [scales, dimensions],
  );
  const paint = useCallback(
    (brush: Brush) => {
      const { draw, width, colour } = brush;
      const [low, high] = [colour("--drift-2"), colour("--drift-4")];
      names.forEach((_, run) => {
        const share = scales[coloured]?.at(dimensions[coloured]?.values[run]);
        draw.strokeStyle = share == null ? colour("--line-strong") : mixed(low, high, share);
        draw.globalAlpha = near === null ? 0.75 : near === run ? 1 : 0.15;
        draw.lineWidth = near === run ? 2.5 : 1.4;
        draw.beginPath();
        let started = false;
        dimensions.forEach((__, axis) => {
          const y = at(run, axis);
          if (y === null) {
            started = false;
            return;
          }
          if (started) draw.lineTo(place(axis, width), y);
          else draw.moveTo(place(axis, width), y);
          started = true;
        });
        draw.stroke();
      });
      draw.globalAlpha = 1;
      dimensions.forEach((dimension, axis) => {
        const x = place(axis, width);
        draw.strokeStyle = colour("--ink-faint");
        draw.lineWidth = 1;
        draw.beginPath();
        draw.moveTo(x, TOP);
        draw.lineTo(x, HEIGHT - BOTTOM);
        draw.stroke();
        draw.textAlign = "center";
        draw.fillStyle = colour("--ink");
        draw.fillText(clipped(dimension.name), x, TOP - 24);
        draw.fillStyle = colour("--ink-soft");
        draw.textAlign = axis === dimensions.length - 1 ? "left" : "right";
        const aside = axis === dimensions.length - 1 ? 6 : -6;
        for (const tick of scales[axis]?.ticks ?? []) {
          const y = TOP + (1 - tick.at) * (HEIGHT - TOP - BOTTOM);
          const text = clipped(tick.text, 11);
          // A rim of the ground keeps the lines behind the numbers from crossing them out.
          draw.strokeStyle = colour("--surface");
          draw.lineWidth = 4;
          draw.lineJoin = "round";
          draw.strokeText(text, x + aside, y + 4);
          draw.fillText(text, x + aside, y + 4);
        }
      });
    },
    [names, dimensions, scales, coloured, near, place, at],
  );
  const point = (x: number, y: number, width: number) => {
    let found: number | null = null;
    let least = NEAR;
    names.forEach((_, run) => {
      for (let axis = 0; axis + 1 < dimensions.length; axis += 1) {
        const [x1, x2] = [place(axis, width), place(axis + 1, width)];
        const [y1, y2] = [at(run, axis), at(run, axis + 1)];
        if (x < x1 || x > x2 || y1 === null || y2 === null) continue;
        const away = Math.abs(y1 + ((y2 - y1) * (x - x1)) / (x2 - x1) - y);
        if (away < least) {
          least = away;
          found = run;
        }
      }
    });
    setNear(found);
  };
  return (
    <>
      <Canvas
        label={label}
        height={HEIGHT}
        paint={paint}
        onPoint={point}
        onLeave={() => setNear(null)}
        onDrawn={onDrawn}
      />
      <p className="soft" style={{ margin: 0, minHeight: "1.5em" }} role="status">
        {near === null ? "Point at a line to see which run it is." : names[near]}
      </p>
    </>
  );
}

function clipped(text: string, most = 18): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** A colour between two, given as #rrggbb. */
export function mixed(from: string, to: string, share: number): string {
  const part = (text: string, index: number) =>
    parseInt(text.slice(1 + 2 * index, 3 + 2 * index), 16);
  const parts = [0, 1, 2].map((i) =>
    Math.round(part(from, i) + (part(to, i) - part(from, i)) * share),
  );
  return `rgb(${parts.join(" ")})`;
}
