import { Icon, type IconName } from "./Icon";
import css from "./Status.module.css";

export type Tone = "ok" | "warn" | "bad" | "info" | "mute";

const ICONS: Record<Tone, IconName> = {
  ok: "check",
  warn: "warning",
  bad: "cross",
  info: "clock",
  mute: "minus",
};

/** What the words of the API mean for a reader; words not listed are neutral. */
const TONES: Record<string, Tone> = {
  ready: "ok",
  healthy: "ok",
  completed: "ok",
  finished: "ok",
  succeeded: "ok",
  promoted: "ok",
  passed: "ok",
  pass: "ok",
  resolved: "ok",
  confirmed: "ok",
  running: "info",
  starting: "info",
  canary: "info",
  pending: "info",
  queued: "info",
  open_window: "info",
  collecting: "info",
  drifted: "warn",
  degraded: "warn",
  acknowledged: "warn",
  warning: "warn",
  inferred: "warn",
  refused: "warn",
  rolled_back: "warn",
  rejected: "warn",
  cancelled: "warn",
  firing: "bad",
  open: "bad",
  failed: "bad",
  fail: "bad",
  critical: "bad",
  unhealthy: "bad",
  unavailable: "bad",
};

export function toneOf(word: string): Tone {
  return TONES[word.toLowerCase()] ?? "mute";
}

interface Props {
  word: string;
  tone?: Tone;
  icon?: IconName;
}

/** A word of status: colour, shape and text say the same, so none is needed alone. */
export function Status({ word, tone, icon }: Props) {
  const shown = tone ?? toneOf(word);
  return (
    <span className={`${css.status} ${css[shown]}`}>
      <Icon name={icon ?? ICONS[shown]} size={14} />
      {word.replaceAll("_", " ")}
    </span>
  );
}
