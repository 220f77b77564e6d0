import { Link } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import css from "./Page.module.css";

interface Crumb {
  label: string;
  to: string;
}

interface Props {
  title: string;
  badge?: ReactNode;
  lead?: ReactNode;
  crumbs?: Crumb[];
  actions?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}

/** The frame of a page: where we are, what it is called, what can be done, and the content. */
export function Page({ title, badge, lead, crumbs = [], actions, wide, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Millwright`;
  }, [title]);
  return (
    <div className={wide ? `${css.page} ${css.wide}` : css.page}>
      <header>
        {crumbs.length > 0 && (
          <nav className={css.crumbs} aria-label="Breadcrumb">
            {crumbs.map((crumb) => (
              <span key={crumb.to}>
                <Link to={crumb.to}>{crumb.label}</Link> <span aria-hidden="true">/</span>
              </span>
            ))}
          </nav>
        )}
        <div className={css.head}>
          <div>
            <h1 className={css.title}>
              {title}
              {badge}
            </h1>
            {lead && <p className={css.lead}>{lead}</p>}
          </div>
          {actions && <div className={css.actions}>{actions}</div>}
        </div>
      </header>
      {children}
    </div>
  );
}
