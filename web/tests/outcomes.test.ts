// The explorable's rule reads losses in its own unit: nats over p for residues, nats for parity.
import { expect, test } from "vitest";
import type { Pack } from "../src/data/safetensors";
import { ratioLabel } from "../src/math/outcome";
import { rowsOf, ruleOf } from "../src/views/grokking/outcome_rows";

const table = (...values: number[]) => ({ shape: [values.length], data: new Float64Array(values) });
// The published run: 1.34e-5 nats at its end on rows it was trained on, 9.0e-5 on the others, 102.6 at the worst.
const published: Pack = {
  document: { members: [67, 1].map((_, member) => ({ member, seed: 165, settings: {}, diverged: false })), levels: [0.9, 0.95, 0.99], level: 2, delay: 400, labels: [0, 1, 2].map(() => ["grok", "grok"]), formulas: ["", ""], divisors: [67, 1] },
  arrays: { min_train: table(1.34e-5, 1.34e-5), min_test: table(9e-5, 9e-5), max_ratio: table(1e6, 1e6), t_mem: table(300, 300), t_gen: table(1, 2, 3, 4, 40100, 40100) },
};

test("the published network grokked by the published rule, and would have learned nothing were its losses not divided", () => {
  const labels = rowsOf(published).map((row) => ratioLabel(row.minTrain, row.minTest, row.maxRatio, 1e-5, 5e4));
  expect(labels).toEqual(["grok", "nothing"]);
  expect(rowsOf(published)[0]!.minTrain).toBeCloseTo(2e-7, 12);
});

test("the rules begin with the delay and a level of the pack", () => {
  expect(ruleOf(published)).toEqual({ loss: 1e-5, ratio: 5e4, level: 2, delay: 400 });
  expect(rowsOf(published)[1]!.tGen).toEqual([2, 4, 40100]);
});
