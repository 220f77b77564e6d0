/** Where values of one column lie between 0 and 1: numbers by size, words side by side. */
export interface Scale {
  at: (value: unknown) => number | null;
  /** Marks with their words, from low to high. */
  ticks: { at: number; text: string }[];
}

const MOST_WORDS = 12;

function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string" || value.trim() === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** A scale for the values of a column. Numbers over three decades and more are spread by logarithm. */
export function scaleOf(values: readonly unknown[], format: (value: number) => string): Scale {
  const known = values.filter((value) => value !== null && value !== undefined && value !== "");
  const numbers = known.map(numberOf);
  if (known.length > 0 && numbers.every((value) => value !== null)) {
    return numeric(numbers as number[], format);
  }
  const words = [...new Set(known.map(String))].sort();
  const place = new Map(
    words.map((word, index) => [word, words.length > 1 ? index / (words.length - 1) : 0.5]),
  );
  const step = Math.ceil(words.length / MOST_WORDS);
  return {
    at: (value) =>
      value === null || value === undefined ? null : (place.get(String(value)) ?? null),
    ticks: words
      .filter((_, index) => index % step === 0)
      .map((text) => ({ at: place.get(text) ?? 0, text })),
  };
}

function numeric(values: readonly number[], format: (value: number) => string): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const log = low > 0 && high / low >= 1000;
  const turn = (value: number) => (log ? Math.log(value) : value);
  const back = (value: number) => (log ? Math.exp(value) : value);
  const [from, to] = [turn(low), turn(high)];
  const span = to - from || 1;
  return {
    at: (value) => {
      const number = numberOf(value);
      if (number === null || (log && number <= 0)) return null;
      return low === high ? 0.5 : (turn(number) - from) / span;
    },
    ticks:
      low === high
        ? [{ at: 0.5, text: format(low) }]
        : [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: format(back(from + at * span)) })),
  };
}
