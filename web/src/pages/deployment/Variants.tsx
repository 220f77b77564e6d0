import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  differencesQuery,
  ruleCanary,
  type Deployment,
  type Ruling,
  type Variant,
} from "@/api/rooms/deployment";
import { ConfirmButton } from "@/components/ConfirmButton";
import { Panel } from "@/components/Panel";
import { percent } from "@/format/numbers";
import css from "./Variants.module.css";
import { Weights } from "./Weights";

const BY_HAND = "Decided by a person in the UI.";

/** Which versions answer, how the traffic is shared, and how to end the trial of a canary. */
export function Variants({ deployment }: { deployment: Deployment }) {
  const { model, variants } = deployment;
  const champion = variants.find((variant) => variant.name === "champion");
  const canary = variants.find((variant) => variant.name === "canary");
  return (
    <Panel title="Variants" note={noteOf(deployment)}>
      <div className={css.bar} aria-hidden="true">
        {variants
          .filter((variant) => variant.share > 0)
          .map((variant) => (
            <span
              key={variant.name}
              className={fill(variants, variant)}
              style={{ width: `${variant.share * 100}%` }}
            />
          ))}
      </div>
      <ul className={css.list}>
        {variants.map((variant) => (
          <li key={variant.name}>
            <span className={`${css.swatch} ${fill(variants, variant)}`} aria-hidden="true" />
            <span>{variant.name}</span>
            <Link to="/models/$model/$version" params={{ model, version: String(variant.version) }}>
              {model} version {variant.version}
            </Link>
            <span className={css.share}>
              {variant.share > 0 ? `${percent(variant.share)} of requests` : "unseen by callers"}
            </span>
            {variant.mirror > 0 && <Compared deployment={deployment} variant={variant} />}
          </li>
        ))}
      </ul>
      {variants.length > 1 && <Weights deployment={deployment} />}
      {champion && canary && (
        <Rulings deployment={deployment} champion={champion.version} canary={canary.version} />
      )}
    </Panel>
  );
}

function noteOf({ variants, bandit }: Deployment): string {
  if (bandit) return "the weights follow the rewards";
  if (variants.some((variant) => variant.name === "canary")) return "a canary is on trial";
  if (variants.filter((variant) => variant.share > 0).length > 1) return "an experiment is running";
  return variants.length > 1 ? "compared in the shadow" : "one version serves everything";
}

const FILLS = [css.champion, css.canary, css.third, css.fourth, css.fifth];

function fill(variants: readonly Variant[], variant: Variant): string {
  return FILLS[variants.indexOf(variant) % FILLS.length] ?? "";
}

/** On how many of the rows that both scored a variant and the champion differ. */
function Compared({ deployment, variant }: { deployment: Deployment; variant: Variant }) {
  const query = useQuery(differencesQuery(deployment.project, deployment.name, variant.name));
  const found = query.data;
  return (
    <span className={css.compared}>
      {found && found.rows > 0
        ? `differs from the champion on ${percent(found.differing / found.rows, 1)} of ${found.rows.toLocaleString("en")} rows`
        : `compared with the champion on ${percent(variant.mirror)} of requests`}
    </span>
  );
}

interface RulingsProps {
  deployment: Deployment;
  champion: number;
  canary: number;
}

function Rulings({ deployment: { project, name }, champion, canary }: RulingsProps) {
  const queries = useQueryClient();
  const rule = useMutation({
    mutationFn: (ruling: Ruling) => ruleCanary(project, name, ruling, BY_HAND),
    onSuccess: () => queries.invalidateQueries(),
  });
  const shared = { pending: rule.isPending, error: rule.error };
  return (
    <div className={css.actions}>
      <ConfirmButton
        {...shared}
        label="Promote canary"
        title={`Make version ${canary} the champion?`}
        explanation={`Version ${canary} will answer all requests and version ${champion} none. The trial ends before its evidence is complete; the audit trail keeps that you decided it.`}
        run={() => rule.mutateAsync("promote")}
      />
      <ConfirmButton
        {...shared}
        label="Roll back canary"
        variant="default"
        title={`Take version ${canary} out of traffic?`}
        explanation={`Version ${champion} will answer all requests again. Version ${canary} stays in the registry.`}
        run={() => rule.mutateAsync("rollback")}
      />
    </div>
  );
}
