import { save } from "@/api/download";

/** A chart as it was drawn, and what its lines are called. */
export interface Picture {
  canvas: HTMLCanvasElement;
  /** How many pixels of the canvas one pixel of its design is. */
  scale: number;
  legend?: readonly { name: string; colour: string; dash: readonly number[] }[];
}

const TITLE_HEIGHT = 34;
const LEGEND_ROW = 20;
const LEGEND_COLUMN = 170;
const MARGIN = 12;
const FONT = "ui-sans-serif, system-ui, sans-serif";

/** Saves a drawn chart as an image: the page's background, the title above, the legend below. */
export function savePng({ canvas, scale, legend = [] }: Picture, title: string): void {
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const columns = Math.max(1, Math.floor((canvas.width / scale - MARGIN) / LEGEND_COLUMN));
  const rows = Math.ceil(legend.length / columns);
  const image = document.createElement("canvas");
  image.width = canvas.width;
  image.height =
    canvas.height + (TITLE_HEIGHT + (rows > 0 ? rows * LEGEND_ROW + MARGIN : 0)) * scale;
  const draw = image.getContext("2d");
  if (!draw) return;
  draw.fillStyle = colour("--surface");
  draw.fillRect(0, 0, image.width, image.height);
  draw.drawImage(canvas, 0, TITLE_HEIGHT * scale);
  draw.scale(scale, scale);
  draw.fillStyle = colour("--ink");
  draw.font = `600 14px ${FONT}`;
  draw.fillText(title, MARGIN, 22);
  draw.font = `11px ${FONT}`;
  draw.lineWidth = 3;
  const top = TITLE_HEIGHT + canvas.height / scale + LEGEND_ROW / 2;
  legend.forEach((line, index) => {
    const x = MARGIN + (index % columns) * LEGEND_COLUMN;
    const y = top + Math.floor(index / columns) * LEGEND_ROW;
    draw.strokeStyle = colour(line.colour);
    draw.setLineDash([...line.dash]);
    draw.beginPath();
    draw.moveTo(x, y);
    draw.lineTo(x + 18, y);
    draw.stroke();
    draw.fillText(fitting(draw, line.name, LEGEND_COLUMN - 36), x + 24, y + 4);
  });
  image.toBlob((blob) => {
    if (blob) save(blob, `${title.replaceAll(/[^\w.-]+/g, "-")}.png`);
  });
}

function fitting(draw: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  while (shown.length > 1 && draw.measureText(shown).width > width) {
    shown = `${shown.slice(0, shown.endsWith("…") ? -2 : -1)}…`;
  }
  return shown;
}
