import { save } from "@/api/download";

const TITLE_HEIGHT = 34;

/** Saves a drawn chart as an image, on the page's own background and under its title. */
export function savePng(canvas: HTMLCanvasElement, title: string): void {
  const style = getComputedStyle(document.documentElement);
  const scale = devicePixelRatio || 1;
  const image = document.createElement("canvas");
  image.width = canvas.width;
  image.height = canvas.height + TITLE_HEIGHT * scale;
  const draw = image.getContext("2d");
  if (!draw) return;
  draw.fillStyle = style.getPropertyValue("--surface").trim();
  draw.fillRect(0, 0, image.width, image.height);
  draw.fillStyle = style.getPropertyValue("--ink").trim();
  draw.font = `600 ${14 * scale}px ui-sans-serif, system-ui, sans-serif`;
  draw.fillText(title, 12 * scale, 22 * scale);
  draw.drawImage(canvas, 0, TITLE_HEIGHT * scale);
  image.toBlob((blob) => {
    if (blob) save(blob, `${title.replaceAll(/[^\w.-]+/g, "-")}.png`);
  });
}
