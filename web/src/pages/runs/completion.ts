/** Helps to write a filter: what could come next at the cursor. */

export interface Names {
  metrics: readonly string[];
  params: readonly string[];
  tags: readonly string[];
}

export interface Completion {
  /** The part of the text that an option takes the place of. */
  from: number;
  to: number;
  options: { text: string; note: string }[];
}

const ATTRIBUTES = ["run_name", "status", "start_time", "end_time", "user_id", "run_id"];
const ENTITIES = [
  ["metrics.", "the latest value of a metric"],
  ["params.", "a parameter"],
  ["tags.", "a tag"],
  ...ATTRIBUTES.map((name) => [name, "of the run"]),
] as const;
const STATUSES = ["FINISHED", "RUNNING", "FAILED", "KILLED"];
const MOST = 50;
const FILTER = new RegExp(
  String.raw`^\s*(?:(?:metrics?|params?|parameters?|tags?|attributes?|attr|run|datasets?)\.\S` +
    String.raw`|(?:${ATTRIBUTES.join("|")}|created|artifact_uri)\s*(?:[=<>!]|i?like\b|in\b|not\b)` +
    // A value in quotes is never part of a name: what is compared with it is said to be unknown.
    String.raw`|\w+\s*(?:!?=|i?like\b|in\s*\()\s*['"])`,
  "i",
);

/** Whether a text is meant as a filter rather than as part of a name. */
export function isFilter(text: string): boolean {
  return FILTER.test(text);
}

/** A name as the grammar takes it: quoted where it has other characters than words have. */
export function quoted(name: string): string {
  return /^[\w./-]+$/.test(name) && !/^\d/.test(name) ? name : `\`${name}\``;
}

/** What may be written at the cursor. */
export function complete(text: string, cursor: number, names: Names): Completion {
  const before = text.slice(0, cursor);
  const clause = before.slice(lastAnd(before));
  const word = /[^\s=<>!]*$/.exec(clause)?.[0] ?? "";
  const from = cursor - word.length;
  const rest = clause.slice(0, clause.length - word.length).trim();
  return { from, to: cursor, options: options(rest, word, names).slice(0, MOST) };
}

function lastAnd(text: string): number {
  const found = [...text.matchAll(/\band\b/gi)].at(-1);
  return found ? found.index + found[0].length : 0;
}

function options(rest: string, word: string, names: Names): Completion["options"] {
  if (rest === "") return subjects(word, names);
  const compared = /(!=|>=|<=|=|<|>|\bi?like|\bin|\bis)$/i.test(rest);
  const subject = rest.split(/[\s=<>!]/)[0] ?? "";
  if (compared) {
    if (subject !== "status") return [];
    return matching(
      STATUSES.map((each) => `'${each}'`),
      word,
      "status",
    );
  }
  if (/^(\S+|\S*`[^`]*`)$/.test(rest)) return matching(comparators(subject), word, "compare");
  return matching(["AND"], word, "another condition");
}

function subjects(word: string, names: Names): Completion["options"] {
  const [entity, ...more] = word.split(".");
  const key = more.join(".").replaceAll("`", "").toLowerCase();
  const lists: Record<string, readonly string[]> = {
    metrics: names.metrics,
    params: names.params,
    tags: names.tags,
  };
  const list = lists[entity ?? ""];
  if (word.includes(".") && list) {
    return list
      .filter((name) => name.toLowerCase().includes(key))
      .sort(
        (a, b) => Number(b.toLowerCase().startsWith(key)) - Number(a.toLowerCase().startsWith(key)),
      )
      .map((name) => ({ text: `${entity}.${quoted(name)} `, note: entity?.slice(0, -1) ?? "" }));
  }
  const found = ENTITIES.filter(([name]) => name.startsWith(word.toLowerCase())).map(
    ([name, note]) => ({ text: name.endsWith(".") ? name : `${name} `, note }),
  );
  if (word.length < 2) return found;
  const named = (["metrics", "params", "tags"] as const).flatMap((kind) =>
    names[kind]
      .filter((name) => name.toLowerCase().includes(word.toLowerCase()))
      .map((name) => ({ text: `${kind}.${quoted(name)} `, note: kind.slice(0, -1) })),
  );
  return [...found, ...named];
}

function comparators(subject: string): string[] {
  if (subject.startsWith("metrics.") || subject.endsWith("_time"))
    return [">", "<", ">=", "<=", "=", "!="];
  return [
    "=",
    "!=",
    "LIKE",
    "ILIKE",
    ...(/^(params|tags)\./.test(subject) ? ["IS NULL", "IS NOT NULL"] : []),
  ];
}

function matching(words: readonly string[], word: string, note: string): Completion["options"] {
  return words
    .filter((each) => each.toLowerCase().startsWith(word.toLowerCase()) && each !== word)
    .map((text) => ({ text: `${text} `, note }));
}
