/** Line icons on a 20-unit grid, drawn for this UI; always decorative, the label says the meaning. */
const PATHS = {
  overview: "M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z",
  runs: "M4 4v12M4 16h12M7 13l3-4 3 2 4-6",
  model: "M10 2.500 16.500 6v8L10 17.500 3.500 14V6zM3.500 6 10 9.700 16.500 6M10 9.700v7.800",
  deployment: "M3 5h14v4H3zM3 11h14v4H3zM6 7h.01M6 13h.01",
  data: "M4 5c0-1.400 2.700-2.500 6-2.500S16 3.600 16 5s-2.700 2.500-6 2.500S4 6.400 4 5zM4 5v10c0 1.400 2.700 2.500 6 2.500s6-1.100 6-2.500V5M4 10c0 1.400 2.700 2.500 6 2.500s6-1.100 6-2.500",
  retraining:
    "M16 8A6.500 6.500 0 0 0 4.500 6M4 3v3.500h3.500M4 12a6.500 6.500 0 0 0 11.500 2M16 17v-3.500h-3.500",
  pipeline: "M3 4.500h4v4H3zM13 3h4v4h-4zM13 13h4v4h-4zM7 6.500h3M10 5v10M10 5h3M10 15h3",
  check: "M4.500 10.500 8.500 14.500 15.500 6",
  cross: "M5.500 5.500l9 9M14.500 5.500l-9 9",
  warning: "M10 3.500 17.500 16.500h-15zM10 8.500v3.500M10 14.400h.01",
  dot: "M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6.500V10l2.500 2",
  sun: "M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100",
  moon: "M16 11.500A6.500 6.500 0 0 1 8.500 4a6.500 6.500 0 1 0 7.500 7.500z",
  system: "M3 4h14v9H3zM7.500 16.500h5M10 13v3.500",
  copy: "M7 7h9v9H7zM4 13V4h9",
  right: "M8 5l5 5-5 5",
  down: "M5 8l5 5 5-5",
  up: "M5 12l5-5 5 5",
  star: "M10 3.500l2 4.300 4.700.600-3.400 3.200.900 4.700-4.200-2.300-4.200 2.300.900-4.700L3.300 8.400 8 7.800z",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM12.700 12.700 16.500 16.500",
  minus: "M5 10h10",
  inbox: "M3 11.500 5.500 4h9l2.500 7.500V16H3zM3 11.500h4l1 2h4l1-2h4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
