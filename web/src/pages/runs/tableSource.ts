import type { Schemas } from "@/api/client";

type Question = Schemas["TableQuestion"];
/** Which runs, in which order, under what. */
export type TableView = Omit<Question, "start" | "count" | "columns" | "snapshot">;
export type TableRow = Schemas["TableRow"];
export type Cell = number | string | boolean | null;
type Answer = Schemas["TableRows"];

export type Ask = (question: Question, signal: AbortSignal) => Promise<Answer>;

/** Rows are asked for in blocks of this many, and columns with some beside those in view. */
export const BLOCK = 64;
const MOST_COLUMNS = 120;

/**
 * The rows of one view of the table, fetched as they come into view. All rows are of one moment: an
 * answer with another snapshot empties what was known before.
 */
export class TableSource {
  total = 0;
  runs = 0;
  ready = false;
  error: unknown = null;
  /** The columns that the server chose, where none were asked for. */
  usual: readonly string[] = [];
  private snapshot: string | null = null;
  private rows = new Map<number, TableRow>();
  private cells = new Map<string, Cell>();
  private known = new Set<string>();
  private underway = new Set<string>();
  private listeners = new Set<() => void>();
  private readonly stopped = new AbortController();

  constructor(
    readonly view: TableView,
    private readonly ask: Ask,
  ) {}

  row(index: number): TableRow | undefined {
    return this.rows.get(index);
  }

  /** A cell's value: undefined while it is on its way, null where there is none. */
  cell(index: number, column: string): Cell | undefined {
    if (!this.known.has(`${Math.floor(index / BLOCK)} ${column}`)) return undefined;
    return this.cells.get(`${index} ${column}`) ?? null;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Fetches what is missing of these rows and columns; `columns` null asks for the usual ones. */
  want(first: number, last: number, columns: readonly string[] | null): void {
    const end = Math.floor(Math.max(first, last) / BLOCK);
    for (let block = Math.floor(first / BLOCK); block <= end; block += 1) {
      if (this.ready && block * BLOCK >= Math.max(1, this.total)) break;
      this.wantBlock(block, columns);
    }
  }

  close(): void {
    this.stopped.abort();
    this.listeners.clear();
  }

  private wantBlock(block: number, columns: readonly string[] | null): void {
    const chosen = columns ?? (this.ready ? this.usual : null);
    const missing = (chosen ?? [])
      .filter((column) => !this.has(`${block} ${column}`))
      .slice(0, MOST_COLUMNS);
    if (missing.length === 0 && this.has(`${block}`)) return;
    const marks = [`${block}`, ...missing.map((column) => `${block} ${column}`)];
    for (const mark of marks) this.underway.add(mark);
    const question: Question = {
      ...this.view,
      start: block * BLOCK,
      count: BLOCK,
      columns: chosen === null ? null : missing,
      snapshot: this.snapshot,
    };
    this.ask(question, this.stopped.signal)
      .then((answer) => this.take(block, answer))
      .catch((error: unknown) => {
        if (!this.stopped.signal.aborted) this.error = error;
      })
      .finally(() => {
        for (const mark of marks) this.underway.delete(mark);
        for (const listener of this.listeners) listener();
      });
  }

  private has(mark: string): boolean {
    return this.known.has(mark) || this.underway.has(mark);
  }

  private take(block: number, answer: Answer): void {
    if (this.snapshot !== null && answer.snapshot !== this.snapshot) {
      this.rows.clear();
      this.cells.clear();
      this.known.clear();
    }
    this.snapshot = answer.snapshot;
    this.total = answer.total;
    this.runs = answer.runs;
    this.error = null;
    if (!this.ready) this.usual = answer.columns;
    this.ready = true;
    answer.rows.forEach((row, index) => this.rows.set(answer.start + index, row));
    this.known.add(`${block}`);
    for (const [column, values] of Object.entries(answer.values)) {
      this.known.add(`${block} ${column}`);
      values.forEach((value, index) => {
        if (value !== null) this.cells.set(`${answer.start + index} ${column}`, value as Cell);
      });
    }
  }
}
