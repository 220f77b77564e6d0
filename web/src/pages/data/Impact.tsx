import { useQuery } from "@tanstack/react-query";
import { impactQuery, type DatasetVersion } from "@/api/rooms/data";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import css from "./Impact.module.css";

const SHOWN = 6;

/** What a version did afterwards: who read it, which models came of it, where they serve. */
export function Impact({ version }: { version: DatasetVersion }) {
  const query = useQuery(impactQuery(version));
  return (
    <Panel title="What came of it">
      <Loaded query={query} height={120}>
        {({ affected }) =>
          affected.length === 0 ? (
            <EmptyState icon="runs" title="Nothing has read this version yet" />
          ) : (
            <dl className={css.impact}>
              <Nodes title="Runs that read it" nodes={ofKind(affected, "run")} />
              <Nodes title="Models that came of it" nodes={ofKind(affected, "model-version")} />
              <Nodes title="Deployments that served those" nodes={ofKind(affected, "deployment")} />
              <Nodes title="Windows of predictions" nodes={ofKind(affected, "window")} />
              <Nodes title="Alerts" nodes={ofKind(affected, "alert")} />
            </dl>
          )
        }
      </Loaded>
    </Panel>
  );
}

interface Node {
  id: string;
  label: string;
  href?: string | null;
}

function ofKind(affected: readonly { node: Node & { kind: string } }[], kind: string): Node[] {
  return affected.filter(({ node }) => node.kind === kind).map(({ node }) => node);
}

function Nodes({ title, nodes }: { title: string; nodes: readonly Node[] }) {
  const more = nodes.length - SHOWN;
  return (
    <>
      <dt>{title}</dt>
      <dd>
        {nodes.length === 0 && <span className="soft">none</span>}
        {nodes.slice(0, SHOWN).map(({ id, label, href }) =>
          href ? (
            <a key={id} href={href}>
              {label}
            </a>
          ) : (
            <span key={id}>{label}</span>
          ),
        )}
        {more > 0 && <span className="soft">and {more} more</span>}
      </dd>
    </>
  );
}
