import { Page } from "@/components/Page";

export function Version() {
  return <Page title="Version">soon</Page>;
}
