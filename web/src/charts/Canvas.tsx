import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, type PointerEvent } from "react";

export interface Brush {
  draw: CanvasRenderingContext2D;
  width: number;
  height: number;
  /** The value of a colour token. */
  colour: (token: string) => string;
}

interface Props {
  label: string;
  height: number;
  /** Draws everything; called again when the size or the theme changes. */
  paint: (brush: Brush) => void;
  onPoint?: (x: number, y: number, width: number) => void;
  onLeave?: () => void;
  onDrawn?: (canvas: HTMLCanvasElement) => void;
}

/** A canvas that is as wide as its place and as sharp as the screen. */
export function Canvas({ label, height, paint, onPoint, onLeave, onDrawn }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    const element = canvas.current;
    const frame = element?.parentElement;
    if (!element || !frame) return undefined;
    const show = () => {
      const width = frame.clientWidth || 600;
      const scale = devicePixelRatio || 1;
      element.width = width * scale;
      element.height = height * scale;
      const draw = element.getContext("2d");
      if (!draw) return;
      draw.scale(scale, scale);
      draw.clearRect(0, 0, width, height);
      draw.font = "11px ui-sans-serif, system-ui, sans-serif";
      const style = getComputedStyle(document.documentElement);
      paint({ draw, width, height, colour: (token) => style.getPropertyValue(token).trim() });
      onDrawn?.(element);
    };
    show();
    const observer = new ResizeObserver(show);
    observer.observe(frame);
    return () => observer.disconnect();
    // A change of theme changes the colours that `paint` reads.
  }, [paint, height, scheme, onDrawn]);
  const move = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    onPoint?.(event.clientX - box.left, event.clientY - box.top, box.width);
  };
  return (
    <div style={{ width: "100%", minWidth: 0 }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        style={{ width: "100%", height, display: "block" }}
        onPointerMove={move}
        onPointerLeave={onLeave}
      />
    </div>
  );
}
