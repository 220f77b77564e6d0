import { Facts, type Fact } from "@/components/Facts";
import { metric } from "@/format/numbers";

/** The numbers that a decision rested on, under a disclosure. */
export function Evidence({ evidence }: { evidence: Record<string, unknown> }) {
  const facts = flatten(evidence);
  if (facts.length === 0) return null;
  return (
    <details>
      <summary>Evidence</summary>
      <Facts facts={facts} />
    </details>
  );
}

function flatten(value: Record<string, unknown>, prefix = ""): Fact[] {
  return Object.entries(value).flatMap(([key, inner]): Fact[] => {
    const name = `${prefix}${key.replaceAll("_", " ")}`;
    if (inner !== null && typeof inner === "object" && !Array.isArray(inner)) {
      return flatten(inner as Record<string, unknown>, `${name}: `);
    }
    return [[name, shown(inner)]];
  });
}

function shown(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : metric(value);
  return value === null ? "–" : String(value);
}
