import { useCallback, useMemo, useState } from "react";
import { metric } from "@/format/numbers";
import { Canvas, type Brush } from "./Canvas";
import type { Dimension } from "./Parallel";
import { scaleOf } from "./scales";

interface Props {
  label: string;
  names: readonly string[];
  x: Dimension;
  y: Dimension;
  onDrawn?: (canvas: HTMLCanvasElement) => void;
}

const HEIGHT = 420;
const LEFT = 74;
const RIGHT = 24;
const TOP = 16;
const BOTTOM = 46;
const NEAR = 14;

/** Each run as a dot between two of its values. */
export function Scatter({ label, names, x, y, onDrawn }: Props) {
  const [near, setNear] = useState<number | null>(null);
  const across = useMemo(() => scaleOf(x.values, metric), [x]);
  const up = useMemo(() => scaleOf(y.values, metric), [y]);
  const place = useCallback(
    (run: number, width: number): [number, number] | null => {
      const [sx, sy] = [across.at(x.values[run]), up.at(y.values[run])];
      if (sx === null || sy === null) return null;
      return [LEFT + sx * (width - LEFT - RIGHT), TOP + (1 - sy) * (HEIGHT - TOP - BOTTOM)];
    },
    [across, up, x, y],
  );
  const paint = useCallback(
    ({ draw, width, colour }: Brush) => {
      draw.lineWidth = 1;
      draw.strokeStyle = colour("--line");
      draw.fillStyle = colour("--ink-soft");
      draw.textAlign = "center";
      for (const tick of across.ticks) {
        const at = LEFT + tick.at * (width - LEFT - RIGHT);
        draw.strokeRect(at, TOP, 0, HEIGHT - TOP - BOTTOM);
        draw.fillText(tick.text.slice(0, 14), at, HEIGHT - BOTTOM + 16);
      }
      draw.textAlign = "right";
      for (const tick of up.ticks) {
        const at = TOP + (1 - tick.at) * (HEIGHT - TOP - BOTTOM);
        draw.strokeRect(LEFT, at, width - LEFT - RIGHT, 0);
        draw.fillText(tick.text.slice(0, 10), LEFT - 8, at + 4);
      }
      draw.fillStyle = colour("--ink");
      draw.textAlign = "center";
      draw.fillText(x.name, (LEFT + width - RIGHT) / 2, HEIGHT - 8);
      draw.save();
      draw.translate(14, (TOP + HEIGHT - BOTTOM) / 2);
      draw.rotate(-Math.PI / 2);
      draw.fillText(y.name, 0, 0);
      draw.restore();
      names.forEach((_, run) => {
        const at = place(run, width);
        if (!at) return;
        draw.globalAlpha = near === null || near === run ? 0.85 : 0.3;
        draw.fillStyle = colour(near === run ? "--series-2" : "--series-1");
        draw.beginPath();
        draw.arc(at[0], at[1], near === run ? 7 : 5, 0, 2 * Math.PI);
        draw.fill();
      });
      draw.globalAlpha = 1;
    },
    [names, across, up, place, near, x.name, y.name],
  );
  const point = (px: number, py: number, width: number) => {
    let found: number | null = null;
    let least = NEAR;
    names.forEach((_, run) => {
      const at = place(run, width);
      const away = at ? Math.hypot(at[0] - px, at[1] - py) : Infinity;
      if (away < least) {
        least = away;
        found = run;
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
        {near === null
          ? "Point at a dot to see which run it is."
          : `${names[near]}: ${x.name} ${said(x.values[near])}, ${y.name} ${said(y.values[near])}`}
      </p>
    </>
  );
}

function said(value: unknown): string {
  return typeof value === "number" ? metric(value) : String(value);
}
