import { Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { Panel } from "@/components/Panel";
import { count } from "@/format/numbers";
import type { Compared } from "./Compare";
import { differences } from "./differences";
import css from "./Compare.module.css";

interface Props {
  compared: Compared;
  /** Show what is equal too. */
  all: boolean;
  onAll: (all: boolean) => void;
}

/** Parameters, metrics, code and environment of each run, one column a run. */
export function Differences({ compared, all, onAll }: Props) {
  const groups = useMemo(() => differences(compared), [compared]);
  return (
    <>
      <Checkbox
        size="xs"
        label="Only what differs"
        checked={!all}
        onChange={(event) => onAll(!event.currentTarget.checked)}
      />
      {groups.map(({ title, rows }) => {
        const differing = rows.filter(({ differs }) => differs);
        const shown = all ? rows : differing;
        return (
          <Panel
            key={title}
            title={title}
            note={`${count(differing.length)} of ${count(rows.length)} differ`}
            flush
          >
            {shown.length > 0 && (
              <div className={css.scroll} tabIndex={0} role="region" aria-label={title}>
                <table className={css.table}>
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      {compared.runs.map((run) => (
                        <th scope="col" key={run.id}>
                          <Link to="/runs/$run" params={{ run: run.id }}>
                            {run.name}
                          </Link>
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map(({ name, values, differs }) => (
                      <tr key={name} data-differs={differs || undefined}>
                        <th scope="row">{name}</th>
                        {values.map((value, index) => (
                          <td key={compared.runs[index]?.id} title={value ?? undefined}>
                            {value ?? <span className="soft">–</span>}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Panel>
        );
      })}
    </>
  );
}
