import { defineConfig } from "@playwright/test";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The suite runs against real servers that `tests/web` starts: one with a year in it, one empty. */
export default defineConfig({
  testDir: "e2e",
  outputDir: process.env.MW_E2E_OUTPUT ?? "test-results",
  reporter: [["line"]],
  workers: 1,
  timeout: 30_000,
  expect: { timeout: 10_000 },
  use: {
    baseURL: process.env.MW_URL,
    viewport: { width: 1280, height: 900 },
    launchOptions: { executablePath: process.env.MW_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS },
  },
});
