import { Button } from "@mantine/core";
import { savePng, type Picture } from "./exportPng";

interface Props {
  title: string;
  /** What was drawn; null as long as nothing was. */
  picture: () => Picture | null | Promise<Picture>;
}

/** Saves a chart as an image. */
export function SavePng({ title, picture }: Props) {
  const take = async () => {
    const drawn = await picture();
    if (drawn) savePng(drawn, title);
  };
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      aria-label={`Save ${title} as PNG`}
      onClick={() => void take()}
    >
      PNG
    </Button>
  );
}

/** The picture of a canvas that is as sharp as the screen. */
export function asDrawn(canvas: HTMLCanvasElement | null): Picture | null {
  return canvas && { canvas, scale: devicePixelRatio || 1 };
}
