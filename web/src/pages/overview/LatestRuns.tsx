import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { latestRunsQuery, metricNumber } from "@/api/rooms/tracking";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { metric } from "@/format/numbers";
import { duration } from "@/format/time";

/** The metrics that models are usually compared by, first those that say most. */
const USUAL = ["roc_auc", "roc_auc_ovr", "rmse", "r2", "macro_f1", "accuracy"];

/** What was trained last, trials apart. */
export function LatestRuns({ project }: { project: string }) {
  const runs = useQuery(latestRunsQuery(project)).data ?? [];
  if (runs.length === 0) return null;
  const logged = runs.flatMap((run) => Object.keys(run.metrics));
  const first = USUAL.find((name) => logged.includes(name)) ?? logged[0];
  return (
    <Panel title="Latest runs" note={<Link to="/runs">All runs</Link>} flush>
      <DataTable
        label="Latest runs"
        rows={runs}
        rowKey={(run) => run.id}
        columns={[
          {
            title: "Run",
            cell: (run) => (
              <Link to="/runs/$run" params={{ run: run.id }}>
                {run.name}
              </Link>
            ),
          },
          { title: "Status", cell: (run) => <Status word={run.status} /> },
          ...(first
            ? [
                {
                  title: first,
                  right: true,
                  cell: (run: (typeof runs)[number]) => metric(metricNumber(run.metrics[first])),
                },
              ]
            : []),
          { title: "Duration", right: true, cell: (run) => duration(run.duration_ms) },
          { title: "Started", cell: (run) => <When time={run.created_at} /> },
        ]}
      />
    </Panel>
  );
}
