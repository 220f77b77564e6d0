import type { Evaluation } from "@/api/rooms/registry";
import { Panel } from "@/components/Panel";
import { percent } from "@/format/numbers";

const SIZE = 240;
const PAD = 30;

/** Whether "70 %" happens seven times in ten. */
export function Calibration({ curves }: { curves: Evaluation["curves"] }) {
  const bins = curves.calibration;
  if (bins.length === 0) return null;
  const at = (share: number) => PAD + share * (SIZE - PAD - 8);
  const down = (share: number) => SIZE - at(share);
  const most = Math.max(...bins.map((bin) => bin.rows));
  const label = `Calibration: ${bins
    .map((bin) => `predicted ${percent(bin.predicted)}, observed ${percent(bin.observed)}`)
    .join("; ")}`;
  return (
    <Panel title="Calibration" note="predicted against observed share">
      <svg viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={label} style={{ maxWidth: 300 }}>
        {[0, 0.5, 1].map((share) => (
          <g key={share} fontSize="10" fill="var(--ink-soft)" stroke="none">
            <line x1={at(0)} x2={at(1)} y1={down(share)} y2={down(share)} stroke="var(--line)" />
            <text x={PAD - 6} y={down(share) + 3} textAnchor="end">
              {share}
            </text>
            <text x={at(share)} y={SIZE - 14} textAnchor="middle">
              {share}
            </text>
          </g>
        ))}
        <line
          x1={at(0)}
          y1={down(0)}
          x2={at(1)}
          y2={down(1)}
          stroke="var(--line-strong)"
          strokeDasharray="4 3"
        />
        <polyline
          points={bins.map((bin) => `${at(bin.predicted)},${down(bin.observed)}`).join(" ")}
          fill="none"
          stroke="var(--series-1)"
          strokeWidth="1.8"
        />
        {bins.map((bin) => (
          <circle
            key={bin.low}
            cx={at(bin.predicted)}
            cy={down(bin.observed)}
            r={2 + 4 * Math.sqrt(bin.rows / most)}
            fill="var(--series-1)"
          >
            <title>{`${bin.rows} rows: predicted ${percent(bin.predicted, 1)}, observed ${percent(bin.observed, 1)}`}</title>
          </circle>
        ))}
      </svg>
    </Panel>
  );
}
