import type { Check } from "@/api/rooms/data";
import { metric, percent } from "@/format/numbers";

/** A check for people. */
export function checkText(check: Check): string {
  const about = check.columns.join(" and ") || "The table";
  const where = check.where ? `, where ${check.where}` : "";
  const slack = check.mostly < 1 ? `, apart from ${percent(1 - check.mostly, 1)} of rows` : "";
  return `${about} ${said(check)}${where}${slack}`;
}

function said({ kind, arguments: given = {} }: Check): string {
  const list = (name: string) => (Array.isArray(given[name]) ? (given[name] as unknown[]) : []);
  switch (kind) {
    case "has_type":
      return `holds ${list("types").join(" or ")}`;
    case "not_null":
      return "has a value";
    case "between":
      return `is ${range(given.minimum, given.maximum)}`;
    case "in_set":
      return `is one of ${list("values").length} known values`;
    case "unique":
      return "never repeats";
    case "row_count_between":
      return `has ${range(given.minimum, given.maximum)} rows`;
    case "satisfies":
      return `satisfies ${String(given.expression)}`;
    default:
      return kind.replaceAll("_", " ");
  }
}

const bound = (value: unknown) => (typeof value === "number" ? metric(value) : String(value));

function range(least: unknown, most: unknown): string {
  if (most == null) return `at least ${bound(least)}`;
  if (least == null) return `at most ${bound(most)}`;
  return `between ${bound(least)} and ${bound(most)}`;
}
