import { Page } from "@/components/Page";

export function Deployment() {
  return <Page title="Deployment">soon</Page>;
}
