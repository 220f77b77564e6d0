import { expect, test } from "@playwright/test";
import { positions, smoothed, joined } from "../src/charts/curveData";
import { scaleOf } from "../src/charts/scales";
import { blocks, isSafe } from "../src/components/markdown";
import { expand, toggled } from "../src/pages/runs/columnIds";
import { complete, isFilter } from "../src/pages/runs/completion";
import { TableSource } from "../src/pages/runs/tableSource";

const NAMES = { metrics: ["auc", "loss/train"], params: ["lr"], tags: ["team name"] };
const offered = (text: string) =>
  complete(text, text.length, NAMES).options.map((option) => option.text.trim());

test("a filter is told from a name, and completed word by word", () => {
  expect(
    ["metrics.auc > 1", "status = 'FAILED'", "params.`a b` = 'x'", "model = 'a'"].every(isFilter),
  ).toBe(true);
  expect(["my run is good", "run-12", "a = b", ""].some(isFilter)).toBe(false);
  expect(offered("metrics.")).toEqual(["metrics.auc", "metrics.loss/train"]);
  expect(offered("tags.te")).toEqual(["tags.`team name`"]);
  expect(offered("metrics.auc ")).toContain(">=");
  expect(offered("status = ")).toContain("'FAILED'");
  expect(offered("metrics.auc > 0.5 ")).toEqual(["AND"]);
  expect(offered("metrics.auc > 0.5 AND par")).toContain("params.");
});

test("a pattern stands for its columns until one of them is taken out", () => {
  const all = ["metrics.a1", "metrics.a2", "metrics.b"];
  expect(expand(["metrics.a*", "metrics.b"], all)).toEqual([
    "metrics.a1",
    "metrics.a2",
    "metrics.b",
  ]);
  expect(toggled(["metrics.a*"], "metrics.a1", all)).toEqual(["metrics.a2"]);
  expect(toggled(["metrics.a*"], "metrics.b", all)).toEqual(["metrics.a*", "metrics.b"]);
});

test("smoothing starts at the first value and passes over what is missing", () => {
  expect(smoothed([3, 3, null, 3], 0.9).map((value) => value && Number(value.toFixed(9)))).toEqual([
    3,
    3,
    null,
    3,
  ]);
  expect(smoothed([1, 2], 0)).toEqual([1, 2]);
  const points = { steps: [5, 6], times: [1000, 3000], values: [1, 2] };
  expect(positions(points, "relative")).toEqual([0, 2]);
  expect(
    joined([
      { x: [1, 3], y: [1, 3] },
      { x: [2], y: [null] },
    ]),
  ).toEqual([
    [1, 2, 3],
    [1, undefined, 3],
    [undefined, null, undefined],
  ]);
});

test("numbers are spread by size or by logarithm, words side by side", () => {
  const log = scaleOf([0.001, 1, 1000], String);
  expect(log.at(1)).toBeCloseTo(0.5);
  expect(scaleOf([0, 10], String).at(5)).toBe(0.5);
  expect(scaleOf(["b", "a", null], String).at("b")).toBe(1);
  expect(scaleOf(["b", "a", null], String).at(null)).toBe(null);
});

test("Markdown never becomes markup that runs", () => {
  expect(isSafe("javascript:alert(1)")).toBe(false);
  expect(isSafe("//evil.example")).toBe(false);
  expect(isSafe("data:text/html,x")).toBe(false);
  expect(isSafe("https://example.org")).toBe(true);
  expect(blocks("[x](javascript:alert(1)) <b>")).toEqual([
    { kind: "paragraph", children: [{ kind: "text", text: "[x](javascript:alert(1)) <b>" }] },
  ]);
  expect(blocks("# A\n- b\n- c\n\n```\n@x\n```").map(({ kind }) => kind)).toEqual([
    "heading",
    "list",
    "code",
  ]);
});

test("rows are asked for once, by block, and forgotten when the moment is another", async () => {
  const asked: number[] = [];
  let snapshot = "one";
  const source = new TableSource(
    {
      filter: "",
      text: "",
      experiments: [],
      sort: "created",
      descending: true,
      group: null,
      open: [],
    },
    (question) => {
      asked.push(question.start);
      const row = { name: `row ${question.start}`, depth: 0, children: 0, open: false };
      return Promise.resolve({
        snapshot,
        total: 1000,
        runs: 1000,
        start: question.start,
        rows: [{ id: "x", ...row }],
        columns: ["metrics.auc"],
        values: { "metrics.auc": [0.5] },
      } as never);
    },
  );
  const settled = () =>
    new Promise<void>((done) => {
      const stop = source.subscribe(() => {
        stop();
        done();
      });
    });
  let next = settled();
  source.want(0, 20, null);
  source.want(0, 20, null);
  await next;
  expect(asked).toEqual([0]);
  expect([source.total, source.cell(0, "metrics.auc"), source.cell(1, "metrics.auc")]).toEqual([
    1000,
    0.5,
    null,
  ]);
  expect(source.cell(0, "metrics.loss")).toBe(undefined);
  snapshot = "two";
  next = settled();
  source.want(990, 999, ["metrics.auc"]);
  await next;
  expect(source.row(0)).toBe(undefined);
  expect(source.row(960)?.name).toBe("row 960");
});
