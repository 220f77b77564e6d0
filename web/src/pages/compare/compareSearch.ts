import { readCurveSettings, type CurveSettings } from "@/curves/settings";

/** A comparison as it stands in the address. */
export interface CompareSearch extends CurveSettings {
  runs?: string[];
  tab?: string;
  /** Columns of the parallel coordinates, the axes of the scatter, the metric to explain. */
  axes?: string[];
  across?: string;
  up?: string;
  metric?: string;
  all?: boolean;
}

export function readCompareSearch(search: Record<string, unknown>): CompareSearch {
  const list = (name: string) =>
    Array.isArray(search[name]) ? { [name]: search[name].map(String) } : {};
  const text = (name: string) => {
    const value = search[name];
    return typeof value === "string" ? { [name]: value } : {};
  };
  return {
    ...readCurveSettings(search),
    ...list("runs"),
    ...list("axes"),
    ...text("tab"),
    ...text("across"),
    ...text("up"),
    ...text("metric"),
    ...(search.all === true && { all: true }),
  };
}
