import { expect, test } from "@playwright/test";
import { settled } from "./pages";

test("a person confirms a rule and takes it back", async ({ page }) => {
  await page.goto("/data/flights?tab=quality");
  await page.getByRole("button", { name: "Confirm distance:between", exact: true }).click();
  const withdraw = page.getByRole("button", { name: "Withdraw distance:between", exact: true });
  await expect(withdraw).toBeVisible();
  await withdraw.click();
  await expect(
    page.getByRole("button", { name: "Confirm distance:between", exact: true }),
  ).toBeVisible();
});

test("a change made elsewhere appears without reloading", async ({ page, request }) => {
  await page.goto("/runs");
  await settled(page);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await request.post("/api/v1/projects/flights/runs", { data: { name: "made elsewhere" } });
  await expect(page.getByRole("link", { name: "made elsewhere" })).toBeVisible();
});

test("an open alert is acknowledged", async ({ page }) => {
  await page.goto("/deployments/flights");
  await settled(page);
  const alerts = page.getByRole("list", { name: "Alerts, newest first" });
  await alerts.getByRole("button", { name: "Acknowledge" }).first().click();
  await expect(alerts.getByText("acknowledged").first()).toBeVisible();
});

test("rolling back a canary asks first, and then does it", async ({ page }) => {
  await page.goto("/deployments/flights");
  await page.getByRole("button", { name: "Roll back canary" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("out of traffic");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await page.getByRole("button", { name: "Roll back canary" }).click();
  await dialog.getByRole("button", { name: "Roll back canary" }).click();
  await expect(page.getByText("one version serves everything")).toBeVisible();
});

test("branches are merged once every conflict is decided", async ({ page }) => {
  await page.goto("/data/goods");
  await page.getByRole("button", { name: "See what it would do" }).click();
  const conflict = page.getByRole("region", { name: "Conflicts" }).locator("tbody tr");
  await expect(conflict).toContainText("8.88");
  const merge = page.getByRole("button", { name: "Merge", exact: true });
  await expect(merge).toBeDisabled();
  await conflict.getByText("prices", { exact: true }).click();
  await merge.click();
  await expect(page.getByText("Merged as version 4: 1 changed")).toBeVisible();
});
