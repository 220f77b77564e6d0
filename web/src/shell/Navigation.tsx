import { Link } from "@tanstack/react-router";
import { Icon, type IconName } from "@/components/Icon";
import css from "./Shell.module.css";

const PLACES: { to: string; label: string; icon: IconName }[] = [
  { to: "/", label: "Overview", icon: "overview" },
  { to: "/data", label: "Data", icon: "data" },
  { to: "/pipelines", label: "Pipelines", icon: "pipeline" },
  { to: "/runs", label: "Runs", icon: "runs" },
  { to: "/models", label: "Models", icon: "model" },
  { to: "/deployments", label: "Deployments", icon: "deployment" },
  { to: "/retrainings", label: "Retraining", icon: "retraining" },
];

/** The rooms, in the order in which data flows. */
export function Navigation() {
  return (
    <nav className={css.nav} aria-label="Main">
      {PLACES.map(({ to, label, icon }) => (
        <Link key={to} to={to} className={css.link} activeOptions={{ exact: to === "/" }}>
          <Icon name={icon} />
          {label}
        </Link>
      ))}
    </nav>
  );
}
