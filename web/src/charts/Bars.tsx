import css from "./Bars.module.css";

interface Props {
  label: string;
  rows: readonly { name: string; value: number }[];
  format: (value: number) => string;
}

/** Names with bars in proportion: importances, counts. */
export function Bars({ label, rows, format }: Props) {
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), 1e-12);
  return (
    <ul className={css.bars} aria-label={label}>
      {rows.map((row) => (
        <li key={row.name}>
          <span className="clip" title={row.name}>
            {row.name}
          </span>
          <span className={css.track} aria-hidden="true">
            <span
              className={css.bar}
              style={{ display: "block", width: `${(Math.abs(row.value) / most) * 100}%` }}
            />
          </span>
          <span className={css.value}>{format(row.value)}</span>
        </li>
      ))}
    </ul>
  );
}
