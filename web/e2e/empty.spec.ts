import { expect, test } from "@playwright/test";

test.use({ baseURL: process.env.MW_EMPTY_URL });

test("an installation without a project says how to make one", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByText("There is no project yet")).toBeVisible();
  await expect(page.getByText(/^mw init/)).toBeVisible();
});

test("a project without anything says what to run next", async ({ page, request }) => {
  const config = "project: fresh\ndata: {source: fresh.csv, target: y}\n";
  await request.put("/api/v1/projects/fresh", { data: { config } });
  await page.goto("/");
  await expect(page.getByText("mw run").first()).toBeVisible();
  for (const [path, text] of [
    ["/runs", "No run yet"],
    ["/models", "No model is registered yet"],
    ["/deployments", "Nothing is deployed yet"],
    ["/data", "No dataset is kept yet"],
    ["/retrainings", "The policy has not asked for a retraining yet"],
  ] as const) {
    await page.goto(path);
    await expect(page.getByText(text)).toBeVisible();
  }
});
