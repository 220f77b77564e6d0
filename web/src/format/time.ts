const DASH = "–";
const stamp = new Intl.DateTimeFormat("en-GB", {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const date = new Intl.DateTimeFormat("en-GB", {
  year: "numeric",
  month: "short",
  day: "numeric",
  timeZone: "UTC",
});
const dayOnly = new Intl.DateTimeFormat("en-GB", {
  month: "short",
  day: "numeric",
  timeZone: "UTC",
});

/** 22 Nov 2026, 14:05 in the reader's time zone: for things that Millwright did. */
export function moment(text: string | null | undefined): string {
  return text ? stamp.format(new Date(text)) : DASH;
}

/** 1 Apr 2013 in UTC: for the time that data speaks of. */
export function day(text: string | null | undefined): string {
  return text ? date.format(new Date(text)) : DASH;
}

/** 1 Apr, in UTC: for axes. */
export function shortDay(text: string | number): string {
  return dayOnly.format(new Date(text));
}

const STEPS: [number, number, string][] = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86_400, 3600, "h"],
  [86_400 * 60, 86_400, "d"],
];

/** 5 min ago */
export function ago(text: string | null | undefined, now = Date.now()): string {
  if (!text) return DASH;
  const seconds = Math.max(0, (now - Date.parse(text)) / 1000);
  if (seconds < 5) return "just now";
  for (const [limit, size, unit] of STEPS) {
    if (seconds < limit) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return day(text);
}

/** 2 min 15 s */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds == null) return DASH;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
