import type { Rule } from "@/api/rooms/data";
import { metric, percent } from "@/format/numbers";

/** A rule for people. */
export function ruleText(rule: Rule): string {
  const slack = rule.tolerance > 0 ? `, apart from ${percent(rule.tolerance, 1)} of rows` : "";
  const bound = (value: number | null | undefined) => (value == null ? "any" : metric(value));
  switch (rule.check) {
    case "type":
      return `holds ${rule.values.join(" or ")}`;
    case "not_null":
      return `has a value${slack}`;
    case "range":
      return `is between ${bound(rule.minimum)} and ${bound(rule.maximum)}${slack}`;
    case "allowed_values":
      return `is one of ${rule.values.length} known values${slack}`;
    case "unique":
      return "never repeats";
    case "min_rows":
      return `has at least ${bound(rule.minimum)} rows`;
  }
}
