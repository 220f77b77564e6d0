interface Props {
  counts: readonly number[];
  label: string;
  width?: number;
  height?: number;
}

/** How often values fall into each of a few equal bins. */
export function Histogram({ counts, label, width = 150, height = 36 }: Props) {
  const most = Math.max(...counts, 1);
  const step = width / Math.max(1, counts.length);
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      style={{ maxWidth: "100%", display: "block" }}
    >
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--line-strong)" />
      {counts.map((value, index) => {
        const tall = value === 0 ? 0 : Math.max(1, (value / most) * (height - 3));
        return (
          <rect
            key={index}
            x={index * step + 0.5}
            y={height - 1 - tall}
            width={Math.max(1, step - 1)}
            height={tall}
            fill="var(--series-1)"
            opacity="0.8"
          />
        );
      })}
    </svg>
  );
}
