import { Page } from "@/components/Page";

export function Dataset() {
  return <Page title="Dataset">soon</Page>;
}
