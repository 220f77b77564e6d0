import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from "@tanstack/react-router";
import { NotFound } from "./pages/NotFound";
import { Overview } from "./pages/overview/Overview";
import { readCompareSearch } from "./pages/compare/compareSearch";
import { readRunSearch } from "./pages/run/runSearch";
import { readRunsSearch } from "./pages/runs/runsSearch";
import { Shell } from "./shell/Shell";
import { ErrorState } from "./components/ErrorState";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  validateSearch: (search: Record<string, unknown>): { project?: string } =>
    typeof search.project === "string" ? { project: search.project } : {},
  search: { middlewares: [retainSearchParams(["project"])] },
});

const at = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path });

const routes = [
  createRoute({ ...at("/"), component: Overview }),
  createRoute({
    ...at("/runs"),
    component: lazyRouteComponent(() => import("./pages/runs/Runs"), "Runs"),
    validateSearch: readRunsSearch,
  }),
  createRoute({
    ...at("/compare"),
    component: lazyRouteComponent(() => import("./pages/compare/Compare"), "Compare"),
    validateSearch: readCompareSearch,
  }),
  createRoute({
    ...at("/runs/$run"),
    component: lazyRouteComponent(() => import("./pages/run/Run"), "Run"),
    validateSearch: readRunSearch,
  }),
  createRoute({
    ...at("/pipelines"),
    component: lazyRouteComponent(() => import("./pages/pipelines/Pipelines"), "Pipelines"),
  }),
  createRoute({
    ...at("/pipelines/$run"),
    component: lazyRouteComponent(() => import("./pages/pipelineRun/PipelineRun"), "PipelineRun"),
  }),
  createRoute({
    ...at("/schedules"),
    component: lazyRouteComponent(() => import("./pages/schedules/Schedules"), "Schedules"),
  }),
  createRoute({
    ...at("/models"),
    component: lazyRouteComponent(() => import("./pages/models/Models"), "Models"),
  }),
  createRoute({
    ...at("/models/$model"),
    component: lazyRouteComponent(() => import("./pages/models/Model"), "Model"),
    validateSearch: (search: Record<string, unknown>): { left?: number; right?: number } => ({
      ...(typeof search.left === "number" && { left: search.left }),
      ...(typeof search.right === "number" && { right: search.right }),
    }),
  }),
  createRoute({
    ...at("/models/$model/$version"),
    component: lazyRouteComponent(() => import("./pages/version/Version"), "Version"),
    validateSearch: (search: Record<string, unknown>): { tab?: string } =>
      typeof search.tab === "string" ? { tab: search.tab } : {},
  }),
  createRoute({
    ...at("/deployments"),
    component: lazyRouteComponent(() => import("./pages/deployments/Deployments"), "Deployments"),
  }),
  createRoute({
    ...at("/deployments/$deployment"),
    component: lazyRouteComponent(() => import("./pages/deployment/Deployment"), "Deployment"),
  }),
  createRoute({
    ...at("/data"),
    component: lazyRouteComponent(() => import("./pages/data/Datasets"), "Datasets"),
  }),
  createRoute({
    ...at("/data/$dataset"),
    component: lazyRouteComponent(() => import("./pages/data/Dataset"), "Dataset"),
    validateSearch: (search: Record<string, unknown>): { version?: number; tab?: string } => ({
      ...(typeof search.version === "number" && { version: search.version }),
      ...(typeof search.tab === "string" && { tab: search.tab }),
    }),
  }),
  createRoute({
    ...at("/inbox"),
    component: lazyRouteComponent(() => import("./pages/inbox/Inbox"), "Inbox"),
  }),
  createRoute({
    ...at("/retrainings"),
    component: lazyRouteComponent(() => import("./pages/retrainings/Retrainings"), "Retrainings"),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultErrorComponent: ({ error, reset }) => <ErrorState error={error} retry={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
