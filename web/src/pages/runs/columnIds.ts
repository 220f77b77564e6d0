/** `metrics.auc` as its kind and key; a column of the run itself has no kind. */
export function parseColumn(id: string): { kind: string; key: string } {
  const dot = id.indexOf(".");
  return dot < 0 ? { kind: "", key: id } : { kind: id.slice(0, dot), key: id.slice(dot + 1) };
}

const WORDS: Record<string, string> = { params: "param", tags: "tag" };

/** What stands beside a heading so that a parameter is not taken for a metric. */
export function kindWord(id: string): string | undefined {
  return WORDS[parseColumn(id).kind];
}

/**
 * The columns that a list of ids and patterns means: `metrics.layer*` is every metric whose name
 * begins so, which keeps a thousand columns short in an address.
 */
export function expand(chosen: readonly string[], available: readonly string[]): string[] {
  const found = new Set<string>();
  for (const id of chosen) {
    if (!id.endsWith("*")) found.add(id);
    else {
      const start = id.slice(0, -1);
      for (const each of available) if (each.startsWith(start)) found.add(each);
    }
  }
  return [...found];
}

/** The choice with one column more or less; a pattern that no longer holds is written out. */
export function toggled(
  chosen: readonly string[],
  id: string,
  available: readonly string[],
): string[] {
  const shown = expand(chosen, available);
  if (!shown.includes(id)) return [...chosen, id];
  return chosen.flatMap((each) => {
    if (each === id) return [];
    if (!each.endsWith("*") || !id.startsWith(each.slice(0, -1))) return [each];
    return expand([each], available).filter((column) => column !== id);
  });
}
