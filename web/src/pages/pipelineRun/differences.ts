/** Values inside values by their path, such as `config.training.budget`, as text. */
export function flattened(values: Record<string, unknown>, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(values)) {
    const inner = typeof value === "object" && value !== null ? plain(value) : value;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
      const deeper = flattened(inner as Record<string, unknown>, `${prefix}${key}.`);
      if (deeper.size === 0) found.set(prefix + key, "{}");
      for (const [path, text] of deeper) found.set(path, text);
    } else {
      found.set(prefix + key, typeof inner === "string" ? inner : JSON.stringify(inner));
    }
  }
  return found;
}

/** A stored value without the wrapping that keeps its Python type. */
function plain(value: object): unknown {
  const tagged = value as Record<string, unknown>;
  if (!("$type" in tagged)) return value;
  for (const content of ["value", "items", "fields"]) {
    if (content in tagged) return tagged[content];
  }
  return Object.fromEntries(
    Object.entries(tagged).filter(([key]) => key !== "$type" && key !== "class"),
  );
}

/** Every name of either, with both values. */
export function differences(before: Map<string, string>, after: Map<string, string>) {
  return [...new Set([...after.keys(), ...before.keys()])].map((name) => ({
    name,
    before: before.get(name),
    after: after.get(name),
  }));
}
