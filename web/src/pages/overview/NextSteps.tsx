import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Command } from "@/components/Command";
import { Icon } from "@/components/Icon";
import { Panel } from "@/components/Panel";
import css from "./Overview.module.css";

interface Props {
  deployed: boolean;
  models: readonly Schemas["Model"][] | undefined;
}

/** What is left to do until a model is served; nothing once one is. */
export function NextSteps({ deployed, models }: Props) {
  if (deployed || models === undefined) return null;
  const [first] = models;
  return (
    <Panel title="Next steps">
      <ol className={css.steps}>
        <li>
          <span className={css.done}>
            <Icon name="check" />
          </span>
          <span>The project is set up.</span>
        </li>
        <li>
          <span className={first ? css.done : css.todo}>
            <Icon name={first ? "check" : "right"} />
          </span>
          {first ? (
            <span>
              A model is registered:{" "}
              <Link to="/models/$model" params={{ model: first.name }}>
                {first.name}
              </Link>
              .
            </span>
          ) : (
            <>
              <span>Train, measure and register a model.</span>
              <div className={css.command}>
                <Command text="mw run" />
              </div>
            </>
          )}
        </li>
        <li>
          <span className={css.todo}>
            <Icon name="right" />
          </span>
          <span>Serve its champion and watch it.</span>
          <div className={css.command}>
            <Command text={first ? `mw deploy ${first.name}` : "mw deploy"} />
          </div>
        </li>
      </ol>
    </Panel>
  );
}
