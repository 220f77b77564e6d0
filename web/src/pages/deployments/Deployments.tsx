import { Page } from "@/components/Page";

export function Deployments() {
  return <Page title="Deployments">soon</Page>;
}
