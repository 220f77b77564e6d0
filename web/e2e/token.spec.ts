import { expect, test } from "@playwright/test";

test.use({ baseURL: process.env.MW_GUARDED_URL });

test("a control plane that wants a token asks for it, and shows the card with it", async ({
  page,
}) => {
  await page.goto("/");
  await page.getByLabel("Token").fill("not a token");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("This token is not accepted.")).toBeVisible();
  await page.getByLabel("Token").fill(process.env.MW_TOKEN ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "flights" })).toBeVisible();
  await page.goto("/models/flights/3");
  await expect(page.frameLocator("iframe").getByRole("heading", { level: 1 })).toHaveText(
    "flights",
  );
});
