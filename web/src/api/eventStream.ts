import { authorization } from "./token";

export interface StreamedEvent {
  id: string;
  kind: string;
  data: string;
}

/**
 * Server-sent events through fetch rather than EventSource, which cannot send a bearer token.
 * Ends when the server closes the stream or the signal aborts.
 */
export async function readEvents(
  after: string | null,
  signal: AbortSignal,
  onOpen: () => void,
  onEvent: (event: StreamedEvent) => void,
): Promise<void> {
  const answer = await fetch("/api/v1/events/stream", {
    signal,
    headers: {
      Accept: "text/event-stream",
      ...(after ? { "Last-Event-ID": after } : {}),
      ...authorization(),
    },
  });
  if (!answer.ok || !answer.body) throw new Error(`events: ${answer.status}`);
  onOpen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    pending += value.replaceAll("\r\n", "\n");
    const blocks = pending.split("\n\n");
    pending = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block);
      if (event) onEvent(event);
    }
  }
}

function parse(block: string): StreamedEvent | null {
  const event: StreamedEvent = { id: "", kind: "message", data: "" };
  for (const line of block.split("\n")) {
    const [field, ...rest] = line.split(":");
    const value = rest.join(":").replace(/^ /, "");
    if (field === "id") event.id = value;
    if (field === "event") event.kind = value;
    if (field === "data") event.data += (event.data ? "\n" : "") + value;
  }
  return event.data ? event : null;
}
