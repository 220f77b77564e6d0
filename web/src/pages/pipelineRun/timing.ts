import type { PipelineRun } from "@/api/rooms/pipelines";

/** How long a run has taken, so far or altogether, in milliseconds; null before it began. */
export function took(run: PipelineRun, now = Date.now()): number | null {
  if (!run.started) return null;
  return (run.finished ? Date.parse(run.finished) : now) - Date.parse(run.started);
}
