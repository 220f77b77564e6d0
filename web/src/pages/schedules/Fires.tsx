import { Link } from "@tanstack/react-router";
import { toneOf } from "@/components/Status";
import { moment } from "@/format/time";
import css from "./Fires.module.css";

interface Fire {
  time: string;
  status: string;
  run_id?: string | null;
  reason?: string | null;
}

/** The last fires as marks, the newest at the right; each leads to its run. */
export function Fires({ fires }: { fires: readonly Fire[] }) {
  if (fires.length === 0) return <span className="soft">none yet</span>;
  return (
    <span className={css.marks}>
      {[...fires].reverse().map((fire) => {
        const said = `${moment(fire.time)}: ${fire.status}${fire.reason ? `. ${fire.reason}` : ""}`;
        return fire.run_id ? (
          <Link
            key={`${fire.time} ${fire.run_id}`}
            to="/pipelines/$run"
            params={{ run: fire.run_id }}
            className={css.mark}
            data-tone={toneOf(fire.status)}
            title={said}
            aria-label={said}
          />
        ) : (
          <span
            key={fire.time}
            className={css.mark}
            data-tone="none"
            title={said}
            role="img"
            aria-label={said}
          />
        );
      })}
    </span>
  );
}
