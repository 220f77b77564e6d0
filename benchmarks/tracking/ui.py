"""The table of runs in Chromium: MLflow's UI and ours over the same runs, by one script.

Prints milliseconds: until the first row is on the page (fresh browser profile each time, median), and
for ours the jump to the last row, a sort by a metric, and the longest task of the page's thread while
1,000 columns of metrics are loaded and scrolled through.

    python benchmarks/tracking/ui.py [--runs 10000] [--times 3]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bars import experiment
from filling import fill
from servers import OURS, started

WEB = Path(__file__).parents[2] / "web"
CHROMIUM = os.environ.get("MW_CHROMIUM", "/usr/bin/chromium")
STOCK = "mlflow-1"
WIDE = 1_000
SCRIPT = """
import { chromium } from "@playwright/test";
const { url, wide, times, executablePath } = JSON.parse(process.env.MW_UI_BENCH);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const open = async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
    }).observe({ type: "longtask", buffered: true });
    window.rowSeen = new Promise((seen) => {
      const look = () => {
        const links = [...document.querySelectorAll('a[href*="/runs/"]')];
        if (links.some((link) => /^run-\\d+$/.test(link.textContent.trim()))) seen(performance.now());
        else requestAnimationFrame(look);
      };
      look();
    });
  });
  return page;
};
const firstRow = async (at) => {
  const page = await open();
  await page.goto(at, { waitUntil: "commit" });
  const found = await page.evaluate(() => window.rowSeen);
  return [found, page];
};
const result = { first: [], last: [], sort: [] };
for (let i = 0; i < times; i += 1) {
  const [found, page] = await firstRow(url);
  result.first.push(found);
  if (wide) {
    result.last.push(await page.evaluate(async () => {
      const grid = document.querySelector('[role="grid"]');
      const rows = grid.getAttribute("aria-rowcount");
      const began = performance.now();
      grid.scrollTop = grid.scrollHeight;
      for (;;) {
        await new Promise(requestAnimationFrame);
        if (grid.querySelector(`[aria-rowindex="${rows}"] a`)) return performance.now() - began;
      }
    }));
    await page.evaluate(() => { document.querySelector('[role="grid"]').scrollTop = 0; });
    result.sort.push(await page.evaluate(async () => {
      await new Promise((done) => setTimeout(done, 500));
      const grid = document.querySelector('[role="grid"]');
      const head = [...grid.querySelectorAll('[role="columnheader"]')];
      const column = head.find((each) => each.textContent.trim() === "m1");
      const first = () => grid.querySelector('[aria-rowindex="2"] a')?.textContent;
      const before = first();
      const began = performance.now();
      column.querySelector("button").click();
      for (;;) {
        await new Promise(requestAnimationFrame);
        if (first() !== undefined && first() !== before) return performance.now() - began;
      }
    }));
  }
  await page.context().close();
}
if (wide) {
  const [, page] = await firstRow(wide);
  result.columns = await page.evaluate(async () => {
    const grid = document.querySelector('[role="grid"]');
    while (Number(grid.getAttribute("aria-colcount")) < 1000) {
      await new Promise(requestAnimationFrame);
    }
    const frames = [];
    let before = performance.now();
    for (let left = 0; left < grid.scrollWidth; left += 1200) {
      grid.scrollLeft = left;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - before);
      before = now;
    }
    await new Promise((done) => setTimeout(done, 500));
    return {
      count: Number(grid.getAttribute("aria-colcount")),
      longest: window.longest,
      frame: Math.max(...frames),
      cells: grid.querySelectorAll('[role="gridcell"]').length,
    };
  });
}
await browser.close();
console.log(JSON.stringify(result));
"""


def add_columns(path: Path) -> None:
    """A thousand more metrics, which the newest 100 runs have."""
    chance = random.Random(5)
    database = sqlite3.connect(path)
    newest = database.execute(
        "SELECT no, experiment_no FROM runs ORDER BY created_ms DESC LIMIT 100"
    )
    rows = [
        (no, f"wide/{key:04}", chance.random(), owner)
        for no, owner in newest.fetchall()
        for key in range(WIDE)
    ]
    database.executemany(
        "INSERT INTO run_latest_metrics (run_no, key, value, step, time_ms, is_nan, experiment_no) "
        "VALUES (?,?,?,0,1,0,?)",
        rows,
    )
    database.commit()
    database.close()


def watched(url: str, wide: str | None, times: int) -> dict[str, Any]:
    """What the script in the browser measured; run it on a quiet machine, tasks are wall time."""
    asked = {"url": url, "wide": wide, "times": times, "executablePath": CHROMIUM}
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=SCRIPT,
        cwd=WEB,
        env={**os.environ, "MW_UI_BENCH": json.dumps(asked)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def one(kind: str, folder: Path, runs: int, times: int) -> dict[str, Any]:
    """One of the two, filled and watched."""
    folder.mkdir()
    with started(kind, folder) as server:
        owner = experiment(server, "reads")
    database = folder / ("mlflow.db" if kind != OURS else ".millwright/millwright.db")
    fill(database, runs, stock=kind != OURS)
    if kind == OURS:
        add_columns(database)
    with started(kind, folder) as server:
        base = f"http://{server.host}"
        if kind != OURS:
            return watched(f"{base}/#/experiments/{owner}/runs", None, times)
        columns = "%5B%22metrics.wide%2F*%22%5D"
        flat = f"{base}/runs?group=none"
        return watched(f"{flat}&cols=%5B%22metrics.m0%22%2C%22metrics.m1%22%5D", f"{flat}&cols={columns}", times)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", choices=[STOCK, OURS])
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="mw-ui-") as name:
        for kind in (STOCK, OURS):
            if arguments.only in (None, kind):
                found[kind] = one(kind, Path(name) / kind, arguments.runs, arguments.times)
    for kind, result in found.items():
        print(f"{kind}: first row {statistics.median(result['first']):.0f} ms")
    ours = found.get(OURS)
    if ours is not None:
        print(f"jump to the last row {statistics.median(ours['last']):.0f} ms")
        print(f"sort by a metric {statistics.median(ours['sort']):.0f} ms")
        wide = ours["columns"]
        print(
            f"{wide['count']} columns: longest task {wide['longest']:.0f} ms, "
            f"longest frame {wide['frame']:.0f} ms, {wide['cells']} cells in the page"
        )


if __name__ == "__main__":
    main()
