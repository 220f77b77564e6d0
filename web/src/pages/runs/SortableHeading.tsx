import { Icon } from "@/components/Icon";
import css from "./Runs.module.css";

interface Props {
  title: string;
  kind: string | undefined;
  right: boolean;
  sorted: false | "asc" | "desc";
  onSort: () => void;
}

const SORTED = { asc: "ascending", desc: "descending" } as const;

/** A column heading that sorts by its column. */
export function SortableHeading({ title, kind, right, sorted, onSort }: Props) {
  return (
    <th
      scope="col"
      className={right ? css.right : undefined}
      aria-sort={sorted ? SORTED[sorted] : undefined}
    >
      <button type="button" className={css.sort} onClick={onSort} title={title}>
        <span className="clip">{title}</span>
        {kind && <span className={css.kind}>{kind}</span>}
        {sorted && <Icon name={sorted === "asc" ? "up" : "down"} size={14} />}
      </button>
    </th>
  );
}
