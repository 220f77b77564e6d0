import { Button } from "@mantine/core";
import { savePng } from "./exportPng";

interface Props {
  title: string;
  canvas: () => HTMLCanvasElement | null;
}

/** Saves a chart as an image. */
export function SavePng({ title, canvas }: Props) {
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      aria-label={`Save ${title} as PNG`}
      onClick={() => {
        const drawn = canvas();
        if (drawn) savePng(drawn, title);
      }}
    >
      PNG
    </Button>
  );
}
