import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { readEvents, type StreamedEvent } from "@/api/eventStream";
import { startPolling } from "@/api/polling";
import { affectedQueries } from "./affected";
import css from "./Shell.module.css";

const Live = createContext(false);
const GATHER_MS = 700;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Follows the event log: what an event makes stale is asked again, gathered over GATHER_MS. While
 * the stream is down everything on the page is polled instead.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [live, setLive] = useState(false);
  useEffect(() => follow(queries, setLive), [queries]);
  useEffect(() => (live ? undefined : startPolling(queries)), [live, queries]);
  return <Live.Provider value={live}>{children}</Live.Provider>;
}

function follow(queries: QueryClient, setLive: (live: boolean) => void): () => void {
  const stop = new AbortController();
  const kinds = new Set<string>();
  let last: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const refresh = () => {
    const stale = affectedQueries(kinds);
    kinds.clear();
    timer = undefined;
    void queries.invalidateQueries({
      predicate: ({ queryKey }) => stale.has(String(queryKey[0])),
    });
  };
  const take = (event: StreamedEvent) => {
    last = event.id || last;
    kinds.add((JSON.parse(event.data) as { kind: string }).kind);
    timer ??= setTimeout(refresh, GATHER_MS);
  };
  const loop = async () => {
    let pause = FIRST_PAUSE_MS;
    const opened = () => {
      setLive(true);
      pause = FIRST_PAUSE_MS;
    };
    while (!stop.signal.aborted) {
      await readEvents(last, stop.signal, opened, take).catch(() => undefined);
      if (stop.signal.aborted) return;
      setLive(false);
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  };
  void loop();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}

export function LiveLamp() {
  const live = useContext(Live);
  return (
    <span className={css.live} role="status">
      <span className={css.lamp} data-live={live || undefined} />
      {live ? "Live" : "Polling"}
    </span>
  );
}
