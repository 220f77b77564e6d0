import { expect, test, type Page } from "@playwright/test";
import { settled } from "./pages";

const grid = (page: Page) => page.getByRole("grid", { name: "Runs" });

test("trials are nested under their search, sorted and filtered", async ({ page }) => {
  await page.goto("/runs");
  await expect(grid(page).getByRole("link", { name: "search" }).first()).toBeVisible();
  await expect(grid(page).getByRole("link", { name: "trial 1" })).toHaveCount(0);
  await grid(page)
    .getByRole("button", { name: /6 runs of search/ })
    .first()
    .click();
  await expect(grid(page).getByRole("link", { name: "trial 1" })).toHaveCount(1);
  await grid(page).getByRole("button", { name: "roc_auc", exact: true }).click();
  await expect(page).toHaveURL(/sort=metrics.roc_auc/);
  await expect(
    grid(page).getByRole("columnheader", { name: "roc_auc", exact: true }),
  ).toHaveAttribute("aria-sort", "descending");
  await page.getByRole("combobox", { name: "Search" }).fill("no run is called this");
  await page.keyboard.press("Enter");
  await expect(page.getByText("No run matches")).toBeVisible();
});

test("a filter is completed, and one that is wrong says why", async ({ page }) => {
  await page.goto("/runs?group=none");
  const box = page.getByRole("combobox", { name: "Search" });
  await box.pressSequentially("metrics.roc");
  await page.getByRole("option", { name: /metrics\.roc_auc/ }).click();
  await box.pressSequentially("> 0.5");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: /\d+ runs/ })).toBeVisible();
  await expect(page).toHaveURL(/q=metrics.roc_auc/);
  await box.fill("metrics.roc_auc > many");
  await page.keyboard.press("Enter");
  await expect(page.getByText("The filter is not understood.")).toBeVisible();
});

test("columns are chosen, the view is kept under a name and opened again", async ({ page }) => {
  await page.goto("/runs?group=none");
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByLabel("Search columns").fill("max_iter");
  const box = page.getByRole("checkbox", { name: "param max_iter" });
  if (!(await box.isChecked())) await box.click();
  await page.keyboard.press("Escape");
  await expect(grid(page).getByRole("columnheader", { name: /max_iter/ })).toBeVisible();
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByLabel("Name of the view").fill("iterations");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("button", { name: /^iterations/ })).toBeVisible();
  await page.goto("/runs");
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("button", { name: /^iterations/ }).click();
  await expect(page).toHaveURL(/group=none/);
});

test("runs are grouped by a parameter", async ({ page }) => {
  await page.goto("/runs");
  await page.getByLabel("Group by").selectOption("params.C");
  await grid(page)
    .getByRole("button", { name: /runs of 0\.5/ })
    .click();
  await expect(grid(page).getByRole("link", { name: "trial 4" }).first()).toBeVisible();
});

test("chosen runs are compared in every way", async ({ page }) => {
  await page.goto("/runs?group=none&q=trial");
  for (const index of [0, 1, 2, 3]) {
    await grid(page)
      .getByRole("checkbox", { name: /Select trial/ })
      .nth(index)
      .click();
  }
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await expect(page.getByText("4 runs beside each other.")).toBeVisible();
  await expect(page.getByRole("list", { name: "roc_auc by run" })).toBeVisible();
  await page.getByRole("tab", { name: "Parallel coordinates" }).click();
  await expect(page.getByRole("img", { name: /Parallel coordinates of 4 runs/ })).toBeVisible();
  await page.getByRole("tab", { name: "Scatter" }).click();
  await expect(page.getByRole("img", { name: /one dot for each of 4 runs/ })).toBeVisible();
  await page.getByRole("tab", { name: "Importance" }).click();
  await expect(page.getByRole("cell", { name: "C", exact: true })).toBeVisible();
  await page.getByRole("tab", { name: "Parameters and environment" }).click();
  await expect(page.getByRole("rowheader", { name: "C", exact: true })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "max_iter" })).toHaveCount(0);
  await page.getByLabel("Only what differs").click();
  await expect(page.getByRole("rowheader", { name: "max_iter" })).toBeVisible();
});

test("a run shows its curves, its files and where it came from", async ({ page }) => {
  await page.goto("/runs");
  await grid(page).getByRole("link", { name: "search" }).first().click();
  await settled(page);
  await expect(page.getByRole("region", { name: "Trials" }).first()).toBeVisible();
  await page.getByRole("tab", { name: "Metrics" }).click();
  await expect(page.getByRole("img", { name: "best_roc_auc by step" })).toBeVisible();
  const [image] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save best_roc_auc as PNG" }).click(),
  ]);
  expect(image.suggestedFilename()).toBe("best_roc_auc.png");
  await page.getByText("Since start").click();
  await expect(page.getByRole("img", { name: "best_roc_auc by relative" })).toBeVisible();
  await page.getByRole("tab", { name: "Artifacts" }).click();
  await expect(page.getByText("Six strengths were tried.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Download notes/search.txt" })).toBeVisible();
  await page.getByRole("tab", { name: "Code and environment" }).click();
  await expect(page.getByText("Where it came from")).toBeVisible();
});

test("a comment is shown without its HTML and reaches whom it names", async ({ page }) => {
  await page.goto("/models/flights/3?tab=comments");
  await page.getByLabel("Say something").fill("**Bold**, <img src=x onerror=alert(1)> and @local");
  await page.getByRole("button", { name: "Comment", exact: true }).click();
  const said = page.getByRole("article", { name: "local said" });
  await expect(said.getByText("<img src=x onerror=alert(1)>")).toBeVisible();
  await expect(said.locator("img")).toHaveCount(0);
  await page.getByRole("link", { name: /Inbox/ }).click();
  const mention = page.getByRole("list", { name: "Mentions" });
  await expect(mention.getByText("Bold")).toBeVisible();
  await mention.getByRole("button", { name: "Mark as read" }).click();
  await expect(mention.getByRole("button", { name: "Mark as read" })).toHaveCount(0);
});

test("two versions are compared, and an alias that gates forbid asks for a reason", async ({
  page,
}) => {
  await page.goto("/models/flights");
  await expect(page.getByRole("region", { name: "Metrics side by side" })).toBeVisible();
  await page.getByLabel("Left version").selectOption("1");
  await expect(page).toHaveURL(/left=1/);
  await page.goto("/models/flights/4?tab=approvals");
  await page.getByRole("button", { name: "Give it an alias" }).click();
  await page.getByLabel("Alias", { exact: true }).fill("tried");
  await page.getByRole("button", { name: "Set the alias" }).click();
  await expect(page.getByRole("button", { name: "Remove the alias tried" })).toBeVisible();
});
