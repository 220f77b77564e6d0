/** Markdown as a tree of plain records. HTML in it is text like any other; nothing becomes markup. */

export type Inline =
  | { kind: "text" | "code" | "mention"; text: string }
  | { kind: "strong" | "em"; children: Inline[] }
  | { kind: "link"; href: string; children: Inline[] };

export type Block =
  | { kind: "heading"; level: number; children: Inline[] }
  | { kind: "paragraph" | "quote"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "rule" }
  | { kind: "list"; ordered: boolean; items: Inline[][] };

const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const FENCE = /^\s*(```|~~~)/;

/** The blocks of a text. */
export function blocks(text: string): Block[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const found: Block[] = [];
  let at = 0;
  const line = () => lines[at] ?? "";
  const isPlain = () =>
    at < lines.length &&
    line().trim() !== "" &&
    !FENCE.test(line()) &&
    !HEADING.test(line()) &&
    !ITEM.test(line()) &&
    !RULE.test(line()) &&
    !line().startsWith(">");
  while (at < lines.length) {
    const heading = HEADING.exec(line());
    const item = ITEM.exec(line());
    if (line().trim() === "") at += 1;
    else if (FENCE.test(line())) {
      const end = lines.findIndex((each, index) => index > at && FENCE.test(each));
      const stop = end < 0 ? lines.length : end;
      found.push({ kind: "code", text: lines.slice(at + 1, stop).join("\n") });
      at = stop + 1;
    } else if (RULE.test(line())) {
      found.push({ kind: "rule" });
      at += 1;
    } else if (heading) {
      found.push({
        kind: "heading",
        level: heading[1]?.length ?? 1,
        children: inlines(heading[2] ?? ""),
      });
      at += 1;
    } else if (item) {
      const items: Inline[][] = [];
      const ordered = item[1] !== undefined;
      for (let next = ITEM.exec(line()); next && at < lines.length; next = ITEM.exec(line())) {
        items.push(inlines(next[2] ?? ""));
        at += 1;
      }
      found.push({ kind: "list", ordered, items });
    } else if (line().startsWith(">")) {
      const quoted: string[] = [];
      while (at < lines.length && line().startsWith(">")) {
        quoted.push(line().replace(/^>\s?/, ""));
        at += 1;
      }
      found.push({ kind: "quote", children: inlines(quoted.join("\n")) });
    } else {
      const said: string[] = [];
      do {
        said.push(line());
        at += 1;
      } while (isPlain());
      found.push({ kind: "paragraph", children: inlines(said.join("\n")) });
    }
  }
  return found;
}

const MARKS =
  /`([^`\n]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\n]+)\*|\[([^\]\n]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>()]+)|(?<![\w@/.])@([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)/g;

/** The marks within a text. */
export function inlines(text: string): Inline[] {
  const found: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKS)) {
    const [whole, code, strong, strong2, em, label, href, bare, name] = match;
    const made = marked({ code, strong: strong ?? strong2, em, label, href, bare, name });
    if (!made) continue;
    if (match.index > from) found.push({ kind: "text", text: text.slice(from, match.index) });
    found.push(made);
    from = match.index + whole.length;
  }
  if (from < text.length) found.push({ kind: "text", text: text.slice(from) });
  return found;
}

function marked(parts: Record<string, string | undefined>): Inline | null {
  const { code, strong, em, label, href, bare, name } = parts;
  if (code !== undefined) return { kind: "code", text: code };
  if (strong !== undefined) return { kind: "strong", children: inlines(strong) };
  if (em !== undefined) return { kind: "em", children: inlines(em) };
  if (name !== undefined) return { kind: "mention", text: `@${name}` };
  if (bare !== undefined)
    return { kind: "link", href: bare, children: [{ kind: "text", text: bare }] };
  if (label === undefined || href === undefined || !isSafe(href)) return null;
  return { kind: "link", href, children: [{ kind: "text", text: label }] };
}

/** Only pages of the web and of this site: nothing that a browser would run. */
export function isSafe(href: string): boolean {
  return /^https?:\/\//i.test(href) || /^\/(?!\/)/.test(href) || /^mailto:[^\s]+@/i.test(href);
}
