import { metric } from "@/format/numbers";
import css from "./Whisker.module.css";

interface Props {
  value: number;
  low: number | null | undefined;
  high: number | null | undefined;
  /** The range of the axis that all whiskers of a table share. */
  from: number;
  to: number;
  threshold?: number | null;
}

/** A value with its confidence interval on a shared axis. */
export function Whisker({ value, low, high, from, to, threshold }: Props) {
  const at = (x: number) => 2 + (96 * (x - from)) / (to - from || 1);
  const interval = low != null && high != null;
  const label = interval
    ? `${metric(value)}, interval ${metric(low)} to ${metric(high)}`
    : metric(value);
  return (
    <svg
      className={css.whisker}
      viewBox="0 0 100 18"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <line x1="0" x2="100" y1="9" y2="9" stroke="var(--line)" vectorEffect="non-scaling-stroke" />
      {threshold != null && threshold >= from && threshold <= to && (
        <line
          x1={at(threshold)}
          x2={at(threshold)}
          y1="1"
          y2="17"
          stroke="var(--ink-soft)"
          strokeDasharray="2 2"
          vectorEffect="non-scaling-stroke"
        />
      )}
      {interval && (
        <g stroke="var(--series-1)" strokeWidth="2" opacity="0.55">
          <line x1={at(low)} x2={at(high)} y1="9" y2="9" vectorEffect="non-scaling-stroke" />
          <line x1={at(low)} x2={at(low)} y1="5" y2="13" vectorEffect="non-scaling-stroke" />
          <line x1={at(high)} x2={at(high)} y1="5" y2="13" vectorEffect="non-scaling-stroke" />
        </g>
      )}
      <line
        x1={at(value)}
        x2={at(value)}
        y1="9"
        y2="9"
        stroke="var(--series-1)"
        strokeWidth="8"
        strokeLinecap="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
