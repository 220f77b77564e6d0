import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { pipelineRunsQuery, type PipelineRun } from "@/api/rooms/pipelines";
import { Panel } from "@/components/Panel";
import { toneOf } from "@/components/Status";
import { duration, moment } from "@/format/time";
import { useProject } from "@/shell/project";
import { took } from "../pipelineRun/timing";
import css from "./Outcomes.module.css";

const MOST = 40;
const LOWEST = 6;
const HIGHEST = 40;

/** Each pipeline's last runs as bars: how long they took, and how they ended. */
export function Outcomes() {
  const runs = useQuery(pipelineRunsQuery(useProject(), {}, 500)).data?.pipeline_runs ?? [];
  const byName = Map.groupBy(runs, (run) => run.name);
  if (byName.size === 0) return null;
  return (
    <Panel title="By pipeline" note="the last runs, the newest at the right">
      <div className={css.rows}>
        {[...byName].map(([name, all]) => (
          <Row key={name} name={name} runs={all.slice(0, MOST).reverse()} />
        ))}
      </div>
    </Panel>
  );
}

function Row({ name, runs }: { name: string; runs: readonly PipelineRun[] }) {
  const times = runs.map((run) => took(run) ?? 0);
  const longest = Math.max(...times, 1);
  const typical = times.filter((time) => time > 0).sort((a, b) => a - b);
  return (
    <div className={css.row}>
      <span className="clip" title={name}>
        {name}
      </span>
      <div className={css.bars}>
        {runs.map((run, index) => (
          <Link
            key={run.id}
            to="/pipelines/$run"
            params={{ run: run.id }}
            className={css.bar}
            data-tone={toneOf(run.status)}
            style={{ height: LOWEST + ((times[index] ?? 0) / longest) * (HIGHEST - LOWEST) }}
            title={`${run.status}, ${moment(run.created)}, ${duration(times[index])}`}
            aria-label={`${name}, ${run.status}, ${moment(run.created)}`}
          />
        ))}
      </div>
      <span className="soft num nowrap">
        {typical.length > 0 && `typically ${duration(typical[typical.length >> 1])}`}
      </span>
    </div>
  );
}
