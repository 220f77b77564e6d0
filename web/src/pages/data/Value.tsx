export type Cell = string | number | boolean | null | undefined;

const LONGEST = 80;

/** One value of a table, as it is kept; a missing one is told apart from the text "null". */
export function Value({ value }: { value: Cell }) {
  if (value == null) return <span className="soft">null</span>;
  const text = String(value);
  return text.length > LONGEST ? <span title={text}>{text.slice(0, LONGEST)}…</span> : text;
}
