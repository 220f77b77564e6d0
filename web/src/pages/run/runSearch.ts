import { readCurveSettings, type CurveSettings } from "@/curves/settings";

/** What is shown of a run, as it stands in the address. */
export interface RunSearch extends CurveSettings {
  tab?: string;
  /** The artifact that is looked at. */
  file?: string;
}

export function readRunSearch(search: Record<string, unknown>): RunSearch {
  return {
    ...readCurveSettings(search),
    ...(typeof search.tab === "string" && { tab: search.tab }),
    ...(typeof search.file === "string" && { file: search.file }),
  };
}
