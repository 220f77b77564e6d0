import type { XKind } from "@/charts/curveData";

/** How curves are drawn; part of the address, so that a link shows the same. */
export interface CurveSettings {
  x?: XKind;
  log?: boolean;
  smooth?: number;
  find?: string;
}

const KINDS: readonly string[] = ["step", "time", "relative"];

export function readCurveSettings(search: Record<string, unknown>): CurveSettings {
  const smooth = Number(search.smooth);
  return {
    ...(KINDS.includes(String(search.x)) && { x: search.x as XKind }),
    ...(search.log === true && { log: true }),
    ...(smooth > 0 && smooth < 1 && { smooth }),
    ...(typeof search.find === "string" && search.find !== "" && { find: search.find }),
  };
}
