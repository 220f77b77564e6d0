import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Deployment } from "@/api/rooms/deployment";
import { windowsQuery, type Window } from "@/api/rooms/monitoring";
import { Sparkline } from "@/charts/Sparkline";
import { Status } from "@/components/Status";
import { count, metric, percent } from "@/format/numbers";
import { day } from "@/format/time";
import css from "./Overview.module.css";

interface Props {
  deployment: Deployment;
  /** How many of its alerts are not resolved. */
  alerts: number;
}

/** The state of one deployment at a glance. */
export function DeploymentCard({ deployment, alerts }: Props) {
  const { project, name, model, variants, health } = deployment;
  const windows = useQuery(windowsQuery(project, name)).data ?? [];
  return (
    <section className={css.card} aria-label={`Deployment ${name}`}>
      <div className={css.head}>
        <h2 className={css.name}>
          <Link to="/deployments/$deployment" params={{ deployment: name }}>
            {name}
          </Link>
        </h2>
        <Status word={health} />
        <span className={css.serves}>
          {variants.map((variant, index) => (
            <span key={variant.name}>
              {index > 0 && " · "}
              {variant.name}{" "}
              <Link
                to="/models/$model/$version"
                params={{ model, version: String(variant.version) }}
              >
                {model} v{variant.version}
              </Link>
              {variants.length > 1 && ` ${percent(variant.share)}`}
            </span>
          ))}
        </span>
      </div>
      <div className={css.figures}>
        <Headline windows={windows} />
        <DriftFigure window={windows.at(-1)} />
        <Figure
          label="Open alerts"
          note={alerts === 0 ? "nothing asks for attention" : "see below"}
        >
          {alerts}
        </Figure>
      </div>
    </section>
  );
}

function Headline({ windows }: { windows: readonly Window[] }) {
  const values = windows.map((window) => window.performance[0]?.value ?? null);
  const latest = windows.findLast((window) => window.performance.length > 0);
  const found = latest?.performance[0];
  if (!found) {
    return (
      <>
        <Figure label="Performance" note="waits for ground truth">
          –
        </Figure>
        <div />
      </>
    );
  }
  const against = found.reference == null ? "" : `; ${metric(found.reference)} at validation`;
  return (
    <>
      <Figure label={found.metric} note={`since ${day(latest.start)}${against}`}>
        {metric(found.value)}
      </Figure>
      <div className={css.spark}>
        <Sparkline
          values={values}
          reference={found.reference}
          width={230}
          height={56}
          label={`${found.metric} over ${values.length} windows, latest ${metric(found.value)}`}
        />
      </div>
    </>
  );
}

function DriftFigure({ window }: { window: Window | undefined }) {
  if (!window) {
    return (
      <Figure label="Drifted features" note="no window yet">
        –
      </Figure>
    );
  }
  return (
    <Figure
      label="Drifted features"
      note={`of ${window.features.length}; ${count(window.n)} predictions`}
    >
      {percent(window.drifted_share)}
    </Figure>
  );
}

function Figure({ label, note, children }: { label: string; note: string; children: ReactNode }) {
  return (
    <div>
      <div className={css.label}>{label}</div>
      <div className={css.value}>{children}</div>
      <div className={css.note}>{note}</div>
    </div>
  );
}
