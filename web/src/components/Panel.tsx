import { useId, type CSSProperties, type ReactNode } from "react";
import css from "./Panel.module.css";

interface Props {
  title: string;
  note?: ReactNode;
  /** Lets a table or list reach the edges. */
  flush?: boolean;
  children: ReactNode;
}

/** One subject on a page, with its heading. */
export function Panel({ title, note, flush, children }: Props) {
  const heading = useId();
  return (
    <section className={css.panel} aria-labelledby={heading}>
      <div className={css.head}>
        <h2 className={css.title} id={heading}>
          {title}
        </h2>
        {note && <div className={css.note}>{note}</div>}
      </div>
      <div className={flush ? css.flush : css.body}>{children}</div>
    </section>
  );
}

/** Panels side by side, as many as fit at `least` pixels each. */
export function PanelGrid({ least = 340, children }: { least?: number; children: ReactNode }) {
  return (
    <div className={css.grid} style={{ "--least": `${least}px` } as CSSProperties}>
      {children}
    </div>
  );
}
