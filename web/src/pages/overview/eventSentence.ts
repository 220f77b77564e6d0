import type { Schemas } from "@/api/client";
import type { IconName } from "@/components/Icon";
import type { Tone } from "@/components/Status";
import { count } from "@/format/numbers";

interface Sentence {
  text: string;
  tone: Tone;
  icon: IconName;
}

type Payload = Record<string, unknown>;
type Teller = [tone: Tone, icon: IconName, text: (payload: Payload) => string];

const say = (payload: Payload, key: string) => String(payload[key] ?? "");

/** The events that people want to hear of, and how each is told. */
const TELLERS: Record<string, Teller> = {
  "project.created": ["info", "overview", () => "The project was created."],
  "dataset.version-created": [
    "info",
    "data",
    (p) =>
      `Version ${say(p, "version")} of ${say(p, "name")} was kept: ${count(Number(p.rows))} rows.`,
  ],
  "dataset.checks-confirmed": ["ok", "data", () => "Checks of a dataset were confirmed."],
  "dataset.override": [
    "warn",
    "data",
    (p) => `${say(p, "name")}@${say(p, "version")} may be used all the same: ${say(p, "reason")}`,
  ],
  "pipeline-run.created": [
    "info",
    "runs",
    (p) => `The pipeline ${say(p, "pipeline") || say(p, "name")} was queued.`,
  ],
  "pipeline-run.succeeded": ["ok", "runs", (p) => `The pipeline ${say(p, "pipeline")} finished.`],
  "pipeline-run.failed": [
    "bad",
    "runs",
    (p) => `The pipeline ${say(p, "pipeline")} failed: ${say(p, "error")}`,
  ],
  "model.version-registered": [
    "info",
    "model",
    (p) => `Version ${say(p, "version")} of ${say(p, "model")} was ${say(p, "status")}.`,
  ],
  "model.alias-set": [
    "ok",
    "model",
    (p) => `Version ${say(p, "version")} of ${say(p, "model")} became ${say(p, "alias")}.`,
  ],
  "deployment.created": [
    "ok",
    "deployment",
    (p) => `${say(p, "name")} was deployed with version ${say(p, "version")}.`,
  ],
  "deployment.updated": [
    "info",
    "deployment",
    (p) => `${say(p, "name")} now serves version ${say(p, "version")}.`,
  ],
  "deployment.stopped": ["mute", "deployment", (p) => `${say(p, "name")} was stopped.`],
  "deployment.canary-started": [
    "info",
    "deployment",
    (p) => `A canary is on trial in ${say(p, "name")}.`,
  ],
  "deployment.variant-set": [
    "info",
    "deployment",
    (p) => `Version ${say(p, "version")} takes part in ${say(p, "name")} as ${say(p, "variant")}.`,
  ],
  "deployment.variant-removed": [
    "mute",
    "deployment",
    (p) => `${say(p, "variant")} was taken out of ${say(p, "name")}.`,
  ],
  "deployment.weights-changed": [
    "info",
    "deployment",
    (p) => `The variants of ${say(p, "name")} share the requests anew.`,
  ],
  "deployment.bandit-set": [
    "info",
    "deployment",
    (p) => `How ${say(p, "name")} finds its weights was changed.`,
  ],
  "deployment.promoted": [
    "ok",
    "deployment",
    (p) => `Version ${say(p, "champion")} took over in ${say(p, "name")}.`,
  ],
  "deployment.rolled-back": [
    "warn",
    "deployment",
    (p) => `Version ${say(p, "left")} was taken out of ${say(p, "name")}.`,
  ],
  "alert.raised": ["warn", "warning", (p) => say(p, "title")],
  "alert.resolved": ["ok", "check", (p) => `Resolved: ${say(p, "title") || "an alert"}`],
  "alert.acknowledged": ["mute", "check", (p) => `${say(p, "by")} acknowledged an alert.`],
  "retraining.started": ["info", "retraining", (p) => tell("A retraining started", p)],
  "retraining.refused": ["warn", "retraining", (p) => tell("The challenger was refused", p)],
  "retraining.failed": ["bad", "retraining", (p) => tell("A retraining failed", p)],
};

function tell(what: string, payload: Payload): string {
  const reason = say(payload, "reason");
  return reason ? `${what}: ${reason}` : `${what}.`;
}

/** An event as a sentence; null for those too fine to tell. */
export function sentenceOf(event: Schemas["Event"]): Sentence | null {
  const teller = TELLERS[event.kind];
  if (!teller) return null;
  const [tone, icon, text] = teller;
  return { tone, icon, text: text(event.payload) };
}
