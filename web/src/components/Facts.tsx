import type { ReactNode } from "react";
import css from "./Facts.module.css";

export type Fact = readonly [term: string, value: ReactNode];

/** Names and values, one pair a line. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className={css.facts}>
      {facts.map(([term, value]) => (
        <Pair key={term} term={term} value={value} />
      ))}
    </dl>
  );
}

function Pair({ term, value }: { term: string; value: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{value}</dd>
    </>
  );
}

/** A few headline numbers in a row. */
export function Stats({ facts }: { facts: readonly (readonly [string, ReactNode, ReactNode?])[] }) {
  return (
    <dl className={css.stats}>
      {facts.map(([term, value, note]) => (
        <div className={css.stat} key={term}>
          <dt>{term}</dt>
          <dd>
            {value} {note && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
