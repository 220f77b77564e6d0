import { Page } from "@/components/Page";

export function Model() {
  return <Page title="Model">soon</Page>;
}
