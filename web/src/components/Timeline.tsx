import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";
import type { Tone } from "./Status";
import css from "./Timeline.module.css";

export interface Moment {
  key: string;
  tone: Tone;
  icon: IconName;
  title: ReactNode;
  note?: ReactNode;
  detail?: ReactNode;
}

/** What happened, newest first. */
export function Timeline({ label, moments }: { label: string; moments: readonly Moment[] }) {
  return (
    <ol className={css.timeline} aria-label={label}>
      {moments.map((moment) => (
        <li key={moment.key} className={css.item}>
          <span className={`${css.mark} ${css[moment.tone]}`}>
            <Icon name={moment.icon} size={13} />
          </span>
          <span>{moment.title}</span>
          <span className={css.note}>{moment.note}</span>
          {moment.detail && <div className={css.detail}>{moment.detail}</div>}
        </li>
      ))}
    </ol>
  );
}
