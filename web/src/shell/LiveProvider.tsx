import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { readEvents } from "@/api/eventStream";
import { startPolling } from "@/api/polling";
import css from "./Shell.module.css";

const Live = createContext(false);
const QUIET_MS = 400;

/**
 * Follows the event log: whatever changes, the queries on the page are asked again, at most once
 * per QUIET_MS. While the stream is down they are polled instead.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [live, setLive] = useState(false);

  useEffect(() => {
    const stop = new AbortController();
    let last: string | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries();
      }, QUIET_MS);
    };
    const follow = async () => {
      for (let pause = 1000; !stop.signal.aborted; pause = Math.min(pause * 2, 15_000)) {
        const opened = () => {
          setLive(true);
          pause = 500;
        };
        await readEvents(last, stop.signal, opened, (event) => {
          last = event.id || last;
          refresh();
        }).catch(() => undefined);
        if (stop.signal.aborted) return;
        setLive(false);
        await new Promise((done) => setTimeout(done, pause));
      }
    };
    void follow();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [queries]);

  useEffect(() => (live ? undefined : startPolling(queries)), [live, queries]);

  return <Live.Provider value={live}>{children}</Live.Provider>;
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
