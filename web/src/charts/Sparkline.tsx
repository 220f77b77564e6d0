interface Props {
  values: readonly (number | null)[];
  /** A sentence that says what the line shows. */
  label: string;
  width?: number;
  height?: number;
  /** A level to compare with, such as the value at validation. */
  reference?: number | null;
}

/** A small line without axes, for the shape of the last windows. */
export function Sparkline({ values, label, width = 180, height = 40, reference }: Props) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return null;
  const levels = reference == null ? known : [...known, reference];
  const low = Math.min(...levels);
  const span = Math.max(...levels) - low || 1;
  const x = (index: number) => 4 + (index * (width - 8)) / Math.max(1, values.length - 1);
  const y = (value: number) => height - 5 - ((value - low) / span) * (height - 10);
  const points = values.flatMap((value, index) =>
    value === null ? [] : [[x(index), y(value)] as const],
  );
  const last = points.at(-1);
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      style={{ maxWidth: "100%" }}
    >
      {reference != null && (
        <line
          x1={4}
          x2={width - 4}
          y1={y(reference)}
          y2={y(reference)}
          stroke="var(--line-strong)"
          strokeDasharray="3 3"
        />
      )}
      <polyline
        points={points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ")}
        fill="none"
        stroke="var(--series-1)"
        strokeWidth="1.8"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
      {last && <circle cx={last[0]} cy={last[1]} r="2.8" fill="var(--series-1)" />}
    </svg>
  );
}
