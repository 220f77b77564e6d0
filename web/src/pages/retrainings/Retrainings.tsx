import { Page } from "@/components/Page";

export function Retrainings() {
  return <Page title="Retrainings">soon</Page>;
}
