import { expect, type Page } from "@playwright/test";

export const PAGES = {
  overview: "/",
  runs: "/runs",
  "runs in groups": "/runs?group=params.family&sort=metrics.roc_auc",
  "compare, nothing chosen": "/compare",
  inbox: "/inbox",
  models: "/models",
  model: "/models/flights",
  card: "/models/flights/3",
  evaluation: "/models/flights/3?tab=evaluation",
  lineage: "/models/flights/3?tab=lineage",
  signature: "/models/flights/3?tab=signature",
  files: "/models/flights/3?tab=files",
  approvals: "/models/flights/3?tab=approvals",
  comments: "/models/flights/3?tab=comments",
  "how to call": "/models/flights/3?tab=call",
  deployments: "/deployments",
  deployment: "/deployments/flights",
  data: "/data",
  dataset: "/data/flights",
  "dataset profile": "/data/flights?tab=profile",
  "dataset rows": "/data/flights?tab=content",
  "dataset changes": "/data/flights?version=3&tab=changes",
  "dataset of files": "/data/photos",
  "its files": "/data/photos?tab=content",
  "its changes": "/data/photos?tab=changes",
  "dataset quality": "/data/flights?tab=quality",
  retrainings: "/retrainings",
  "not found": "/no-such-page",
} as const;

/** Waits until the page has a heading and nothing on it is loading. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
}
