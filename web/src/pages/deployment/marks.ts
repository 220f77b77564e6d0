import type { Retraining } from "@/api/rooms/automation";
import type { Window } from "@/api/rooms/monitoring";
import type { Mark } from "@/charts/TimeSeries";

/**
 * What happened when, in the time of the data: a retraining where its cause was seen, a new
 * champion at the first window that it served.
 */
export function performanceMarks(
  windows: readonly Window[],
  retrainings: readonly Retraining[],
): Mark[] {
  const marks: Mark[] = retrainings.map((retraining) => ({
    at: Date.parse(retraining.event_time),
    text: "retraining",
    colour: "--series-4",
  }));
  windows.forEach((window, index) => {
    const before = windows[index - 1];
    if (before && before.champion_version_id !== window.champion_version_id) {
      marks.push({ at: window.start_ms, text: "promotion", colour: "--series-3" });
    }
  });
  return marks;
}
