import { Page } from "@/components/Page";

export function Datasets() {
  return <Page title="Datasets">soon</Page>;
}
