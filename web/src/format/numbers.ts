const grouped = new Intl.NumberFormat("en-GB");
const compactly = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

const DASH = "–";

/** 12,345 */
export function count(value: number | null | undefined): string {
  return value == null ? DASH : grouped.format(Math.round(value));
}

/** 12.3K */
export function compact(value: number | null | undefined): string {
  return value == null ? DASH : compactly.format(value);
}

/** A metric with as many digits as a reader can use: 0.7431, 12.4, 1,203; whole numbers as such. */
export function metric(value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) return DASH;
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000) return grouped.format(Math.round(value));
  if (size < 0.0001) return value.toExponential(1);
  return value.toFixed(size < 1 ? 4 : size < 10 ? 3 : 1);
}

/** +0.0123 */
export function signed(value: number | null | undefined): string {
  if (value == null) return DASH;
  return `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(4)}`;
}

/** 34 % */
export function percent(value: number | null | undefined, digits = 0): string {
  if (value == null) return DASH;
  const shown = (value * 100).toFixed(digits);
  // One row of thousands is not none of them.
  return value > 0 && Number(shown) === 0 ? `< ${(10 ** -digits).toFixed(digits)} %` : `${shown} %`;
}

/** 4.2 ms */
export function milliseconds(value: number | null | undefined): string {
  if (value == null) return DASH;
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 10_000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** 1.4 MB */
export function bytes(value: number | null | undefined): string {
  if (value == null) return DASH;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** The first digits of a digest or id, enough to tell two apart. */
export function short(digest: string | null | undefined): string {
  return digest ? digest.slice(0, 12) : DASH;
}
