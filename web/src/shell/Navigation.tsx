import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { inboxQuery } from "@/api/rooms/collaboration";
import { approvalsQuery } from "@/api/rooms/pipelines";
import { waitingQuery } from "@/api/rooms/registry";
import { Icon, type IconName } from "@/components/Icon";
import { useProjectName } from "./project";
import css from "./Shell.module.css";

const PLACES: { to: string; label: string; icon: IconName }[] = [
  { to: "/", label: "Overview", icon: "overview" },
  { to: "/data", label: "Data", icon: "data" },
  { to: "/pipelines", label: "Pipelines", icon: "pipeline" },
  { to: "/runs", label: "Runs", icon: "runs" },
  { to: "/models", label: "Models", icon: "model" },
  { to: "/deployments", label: "Deployments", icon: "deployment" },
  { to: "/retrainings", label: "Retraining", icon: "retraining" },
  { to: "/inbox", label: "Inbox", icon: "inbox" },
];

/** The rooms, in the order in which data flows. */
export function Navigation() {
  return (
    <nav className={css.nav} aria-label="Main">
      {PLACES.map(({ to, label, icon }) => (
        <Link key={to} to={to} className={css.link} activeOptions={{ exact: to === "/" }}>
          <Icon name={icon} />
          {label}
          {to === "/inbox" && <Waiting />}
        </Link>
      ))}
    </nav>
  );
}

/** How much waits for the reader. */
function Waiting() {
  const project = useProjectName();
  const asked = { enabled: project !== null };
  const unread = useQuery({ ...inboxQuery(project ?? ""), ...asked }).data?.unread ?? 0;
  const waiting = useQuery({ ...waitingQuery(project ?? ""), ...asked }).data ?? [];
  const runs = useQuery({ ...approvalsQuery(project ?? ""), ...asked }).data?.length ?? 0;
  const versions = waiting.filter((each) => each.may_decide && each.mine == null).length;
  const count = unread + versions + runs;
  if (count === 0) return null;
  return (
    <span className={css.badge} aria-label={`${count} waiting`}>
      {count}
    </span>
  );
}
