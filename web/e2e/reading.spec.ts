import { expect, test } from "@playwright/test";
import { settled } from "./pages";

test("the overview tells the state of a deployment and what happened", async ({ page }) => {
  await page.goto("/");
  const card = page.getByRole("region", { name: "Deployment flights" });
  await expect(card.getByText("roc_auc")).toBeVisible();
  await expect(card.getByRole("img", { name: /roc_auc over \d+ windows/ })).toBeVisible();
  await expect(card.getByText("Drifted features")).toBeVisible();
  await expect(
    page.getByRole("list", { name: "Recent events" }).getByText("Version 3 took over in flights."),
  ).toBeVisible();
});

test("the card is shown in a frame that runs nothing", async ({ page }) => {
  await page.goto("/models/flights/3");
  const frame = page.locator("iframe");
  await expect(frame).toHaveAttribute("sandbox", "");
  await expect(page.frameLocator("iframe").getByRole("heading", { level: 1 })).toHaveText(
    "flights",
  );
});

test("the evaluation marks the worst slice and says why gates passed", async ({ page }) => {
  await page.goto("/models/flights/3?tab=evaluation");
  await expect(page.getByRole("region", { name: "Gates" }).last()).toContainText(
    "at least the required",
  );
  await expect(page.getByRole("row").filter({ hasText: "worst" }).first()).toBeVisible();
});

test("lineage leads from the data to the deployment", async ({ page }) => {
  await page.goto("/models/flights/3?tab=lineage");
  await expect(page.locator(".react-flow__node").filter({ hasText: "flights@" })).toBeVisible();
  await page.getByText("As a list").click();
  await expect(page.getByText("deployment flights came of model version flights v3")).toBeVisible();
});

test("a page that does not exist and a thing that does not exist say so", async ({ page }) => {
  await page.goto("/no-such-page");
  await expect(page.getByText("Nothing lives at this address")).toBeVisible();
  await page.goto("/models/none/1");
  await expect(page.getByRole("alert")).toContainText("none");
  const answer = await page.request.get("/api/v1/no-such-thing");
  expect(answer.status()).toBe(404);
  expect(answer.headers()["content-type"]).toContain("application/json");
});

test("a dataset shows its versions, what came of each, and its rows", async ({ page }) => {
  await page.goto("/data/flights");
  await settled(page);
  await expect(page.getByRole("region", { name: "What came of it" })).toContainText("search");
  await page.getByRole("tab", { name: "Content" }).click();
  await expect(page.getByText(/^1 to 50 of/)).toBeVisible();
  await page.getByRole("button", { name: "Last" }).click();
  await expect(page.getByRole("button", { name: "Later" })).toBeDisabled();
});

test("files are browsed folder by folder, and compared", async ({ page }) => {
  await page.goto("/data/photos?tab=content");
  await page.getByRole("button", { name: "departures/" }).click();
  await expect(page.getByText("moved.raw")).toBeVisible();
  await page.getByRole("tab", { name: "Changes" }).click();
  const changes = page.getByRole("region", { name: "File changes" });
  await expect(changes.getByText("arrivals/007.raw → departures/moved.raw")).toBeVisible();
  await expect(changes.getByText("notes.txt")).toBeVisible();
});
