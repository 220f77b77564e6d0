import type { ReactNode } from "react";
import { Command } from "./Command";
import { Icon, type IconName } from "./Icon";
import css from "./EmptyState.module.css";

interface Props {
  icon?: IconName;
  title: string;
  children?: ReactNode;
  command?: string;
}

/** Nothing here yet: why, and the next command to run. */
export function EmptyState({ icon = "dot", title, children, command }: Props) {
  return (
    <div className={css.empty}>
      <span className={css.icon}>
        <Icon name={icon} size={26} />
      </span>
      <div className={css.title}>{title}</div>
      {children && <p className={css.text}>{children}</p>}
      {command && (
        <div className={css.command}>
          <Command text={command} />
        </div>
      )}
    </div>
  );
}
