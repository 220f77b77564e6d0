import { createTheme, type MantineColorsTuple, type CSSVariablesResolver } from "@mantine/core";

/** Mill: the one accent, a deep teal that holds 4.5:1 on white from shade 7 on. */
const mill: MantineColorsTuple = [
  "#e6f6f8",
  "#cfebef",
  "#a2d9e0",
  "#70c5d0",
  "#48b3c1",
  "#2b9fae",
  "#158a9a",
  "#0b7482",
  "#075f6b",
  "#034a54",
];

/** Mantine's dark greys, bent to the slate of tokens.css. */
const dark: MantineColorsTuple = [
  "#e6ebef",
  "#c3ccd4",
  "#a3b0bb",
  "#7b8995",
  "#36444f",
  "#232e37",
  "#151d24",
  "#0e1419",
  "#0b1014",
  "#070a0d",
];

export const theme = createTheme({
  primaryColor: "mill",
  primaryShade: { light: 7, dark: 7 },
  colors: { mill, dark },
  fontFamily:
    'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
});

const surfaces = {
  "--mantine-color-body": "var(--canvas)",
  "--mantine-color-text": "var(--ink)",
  "--mantine-color-dimmed": "var(--ink-soft)",
  "--mantine-color-placeholder": "var(--ink-faint)",
  "--mantine-color-anchor": "var(--accent-ink)",
  "--mantine-color-default": "var(--surface)",
  "--mantine-color-default-hover": "var(--surface-hover)",
  "--mantine-color-default-color": "var(--ink)",
  "--mantine-color-default-border": "var(--line-strong)",
};

/** Surfaces come from tokens.css, so that Mantine's parts and ours share one set of colours. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: surfaces,
  dark: surfaces,
});
