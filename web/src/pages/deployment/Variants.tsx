import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ruleCanary, type Deployment, type Ruling } from "@/api/rooms/deployment";
import { ConfirmButton } from "@/components/ConfirmButton";
import { Panel } from "@/components/Panel";
import { percent } from "@/format/numbers";
import css from "./Variants.module.css";

const BY_HAND = "Decided by a person in the UI.";

/** Which versions answer, how the traffic is shared, and how to end the trial of a canary. */
export function Variants({ deployment }: { deployment: Deployment }) {
  const { model, variants } = deployment;
  const champion = variants.find((variant) => variant.name === "champion");
  const canary = variants.find((variant) => variant.name === "canary");
  return (
    <Panel
      title="Variants"
      note={canary ? "a canary is on trial" : "one version serves everything"}
    >
      <div className={css.bar} aria-hidden="true">
        {variants.map((variant) => (
          <span
            key={variant.name}
            className={css[variant.name]}
            style={{ width: `${variant.share * 100}%` }}
          />
        ))}
      </div>
      <ul className={css.list}>
        {variants.map((variant) => (
          <li key={variant.name}>
            <span className={`${css.swatch} ${css[variant.name]}`} aria-hidden="true" />
            <span>{variant.name}</span>
            <Link to="/models/$model/$version" params={{ model, version: String(variant.version) }}>
              {model} version {variant.version}
            </Link>
            <span className={css.share}>{percent(variant.share)} of requests</span>
          </li>
        ))}
      </ul>
      {champion && canary && (
        <Rulings deployment={deployment} champion={champion.version} canary={canary.version} />
      )}
    </Panel>
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
