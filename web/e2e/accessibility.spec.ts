import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test, type Page } from "@playwright/test";
import { PAGES, settled } from "./pages";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");

/** Every page is loaded once and looked at in both themes; the rest of the rules know no colours. */
const THEMES = [
  ["light", null],
  ["dark", ["color-contrast", "link-in-text-block"]],
] as const;

interface Finding {
  id: string;
  impact: string;
  nodes: string[];
}

/** What axe finds serious or worse; frames are left out, as their documents run nothing. */
async function findings(page: Page, rules: readonly string[] | null): Promise<Finding[]> {
  return page.evaluate(async (only) => {
    const { axe } = window as unknown as {
      axe: { run: (context: object, options: object) => Promise<{ violations: never[] }> };
    };
    const report = await axe.run(
      { exclude: [["iframe"]] },
      {
        iframes: false,
        resultTypes: ["violations"],
        ...(only && { runOnly: { type: "rule", values: only } }),
      },
    );
    const found = report.violations as { id: string; impact: string; nodes: { html: string }[] }[];
    return found
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => html) }));
  }, rules);
}

test.describe.configure({ mode: "parallel" });

for (const [name, path] of Object.entries(PAGES)) {
  test(`${name} has no serious accessibility problem in either theme`, async ({ page }) => {
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(path);
    await settled(page);
    await page.evaluate(AXE);
    for (const [colorScheme, rules] of THEMES) {
      await page.emulateMedia({ colorScheme });
      await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
      // Colours of a theme reach inherited text a frame or two after its name does.
      await expect(async () => expect(await findings(page, rules)).toEqual([])).toPass({
        timeout: 10_000,
      });
    }
    expect(complaints).toEqual([]);
  });
}
