import type { Evaluation } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { Panel, PanelGrid } from "@/components/Panel";
import { metric, signed } from "@/format/numbers";
import css from "./Evaluation.module.css";

const MOST = 6;

/** Why the model said what it said, for a few telling rows. */
export function RowExplanations({ explanations }: { explanations: Evaluation["explanations"] }) {
  if (explanations.length === 0) return null;
  return (
    <PanelGrid>
      {explanations.map((row) => {
        const telling = [...row.contributions]
          .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
          .slice(0, MOST);
        const most = Math.max(...telling.map((c) => Math.abs(c.contribution)), 1e-12);
        return (
          <Panel
            key={row.row}
            title={`Row ${row.row}: ${row.label == null ? "" : `P(${row.label}) = `}${metric(row.prediction)}`}
            note={`average ${metric(row.baseline)}`}
            flush
          >
            <DataTable
              label={`Contributions for row ${row.row}`}
              rows={telling}
              rowKey={(contribution) => contribution.field}
              columns={[
                {
                  title: "Column",
                  cell: ({ field, value }) => (
                    <>
                      {field} <span className="soft">= {shown(value)}</span>
                    </>
                  ),
                },
                {
                  title: "Pushes",
                  cell: ({ contribution }) => <Push share={contribution / most} />,
                },
                { title: "By", right: true, cell: ({ contribution }) => signed(contribution) },
              ]}
            />
          </Panel>
        );
      })}
    </PanelGrid>
  );
}

function shown(value: string | number | boolean | null): string {
  if (value === null) return "missing";
  return typeof value === "number" ? metric(value) : String(value);
}

function Push({ share }: { share: number }) {
  const width = `${Math.abs(share) * 100}%`;
  return (
    <span className={css.center} aria-hidden="true">
      <span className={`${css.half} ${css.minus}`}>{share < 0 && <i style={{ width }} />}</span>
      <span className={css.axis} />
      <span className={`${css.half} ${css.plus}`}>{share > 0 && <i style={{ width }} />}</span>
    </span>
  );
}
