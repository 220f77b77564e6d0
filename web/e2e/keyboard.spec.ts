import { expect, test } from "@playwright/test";
import { settled } from "./pages";

test("the first key stroke offers to skip to the content", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});

test("the navigation is walked with Tab and Enter", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  const runs = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Runs" });
  for (let step = 0; step < 10; step += 1) {
    await page.keyboard.press("Tab");
    if (await runs.evaluate((link) => link === document.activeElement)) break;
  }
  await expect(runs).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
});

test("the drift map is one stop, read cell by cell with the arrow keys", async ({ page }) => {
  await page.goto("/deployments/flights");
  const map = page.getByRole("grid", { name: "Drift by feature and window" });
  await expect(map.locator("button[tabindex='0']")).toHaveCount(1);
  await map.locator("button[tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByText(/^temp, .*threshold 0\.15/)).toBeVisible();
});

test("tabs of a version change with the arrow keys and are part of the address", async ({
  page,
}) => {
  await page.goto("/models/flights/3");
  await page.getByRole("tab", { name: "Card" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Evaluation" })).toHaveAttribute(
    "aria-selected",
    "true",
  );
  await expect(page).toHaveURL(/tab=evaluation/);
});

test("the theme is chosen by hand and kept", async ({ page }) => {
  await page.goto("/");
  const root = page.locator("html");
  await page.getByRole("button", { name: /^Theme/ }).click();
  await expect(root).toHaveAttribute("data-mantine-color-scheme", "light");
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.reload();
  await expect(root).toHaveAttribute("data-mantine-color-scheme", "dark");
});
