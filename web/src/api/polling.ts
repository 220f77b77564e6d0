import type { QueryClient } from "@tanstack/react-query";

const EVERY_MS = 5000;

/** Asks again for what is on the page, every few seconds; returns what stops it. */
export function startPolling(queries: QueryClient): () => void {
  const timer = setInterval(() => void queries.invalidateQueries(), EVERY_MS);
  return () => clearInterval(timer);
}
