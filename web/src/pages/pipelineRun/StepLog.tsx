import { useEffect, useRef, useState } from "react";
import { taskLog, type Task } from "@/api/rooms/pipelines";
import { Panel } from "@/components/Panel";
import css from "./StepLog.module.css";

const PAUSE_MS = 2000;
const MOST_LETTERS = 400_000;

/** What a step writes, as it writes it: each answer comes when there is something new. */
export function StepLog({ run, task }: { run: string; task: Task }) {
  const { text, ended, failed } = useLog(run, task.name);
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  return (
    <Panel title="Log" note={failed ? "interrupted, trying again" : ended ? undefined : "live"}>
      <pre
        ref={box}
        className={css.log}
        tabIndex={0}
        role="log"
        aria-label={`Log of ${task.name}`}
        onScroll={({ currentTarget: at }) => {
          follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24;
        }}
      >
        {text || <span className="soft">{ended ? "It wrote nothing." : "Nothing yet."}</span>}
      </pre>
    </Panel>
  );
}

function useLog(run: string, task: string) {
  const [log, setLog] = useState({ text: "", ended: false, failed: false });
  useEffect(() => {
    const gone = new AbortController();
    void follow(run, task, gone.signal, (change) =>
      setLog((known) => ({ ...known, ...change(known.text) })),
    );
    return () => gone.abort();
  }, [run, task]);
  return log;
}

type Tell = (
  change: (text: string) => Partial<{ text: string; ended: boolean; failed: boolean }>,
) => void;

async function follow(run: string, task: string, signal: AbortSignal, tell: Tell) {
  let known: { after: number; attempt?: number } = { after: -1 }; // parts are counted from 0
  while (!signal.aborted) {
    try {
      const { parts, ended, whole, attempt } = await taskLog(run, task, known, signal);
      const fresh = parts.map((part) => part.text).join("");
      const before = whole ? -1 : known.after;
      known = { after: Math.max(before, ...parts.map((part) => part.number)), attempt };
      tell((text) => ({
        text: ((whole ? "" : text) + fresh).slice(-MOST_LETTERS),
        ended,
        failed: false,
      }));
      if (ended) return;
    } catch {
      if (signal.aborted) return;
      tell(() => ({ failed: true }));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
