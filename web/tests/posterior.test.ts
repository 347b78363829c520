// Predictions through points against those of Python's `model_selection.live` (tests/view/points.py writes them).
import { describe, expect, it } from "vitest";
import { parsePack } from "../src/data/safetensors";
import { Decoder } from "../src/math/decoder";
import { predict, type Layout } from "../src/math/in_context";
import { leastSquares, nearest, posteriorMean } from "../src/math/posterior";
import { blended, blendOf, drawPair, errorTo, pointsOf } from "../src/views/model_selection/blend";
import { byWord, mixtureWords } from "../src/views/model_selection/words";
import numbers from "./numbers.json";

function far(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  expect(ours.length).toBe(theirs.length);
  return Array.from(theirs).reduce((most, value, i) => Math.max(most, Math.abs(ours[i]! - value)), 0);
}

for (const { mixture, layout, families, pack, query, rows } of numbers.points)
  describe(mixture, () => {
    const read = parsePack(Uint8Array.from(atob(pack), (c) => c.charCodeAt(0)).buffer);
    const network = Decoder.fromPack(read, 0, read.document.settings);
    for (const { name, x, y, curves, classes } of rows) {
      it(`the network's curve: ${name}`, () => {
        expect(far(predict(network, layout as Layout, x, y, query), curves.trained)).toBeLessThan(1e-5); // Python: float32
      });

      it(`the exact optimum and the classes: ${name}`, () => {
        const found = posteriorMean(families, x, y, query);
        expect(far(found.mean, curves.optimum)).toBeLessThan(1e-6);
        for (const [key, share] of Object.entries(classes)) expect(Math.abs(found.classes.get(key)! - share)).toBeLessThan(1e-8);
        expect([...found.classes.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
      });

      it(`least squares and three neighbours: ${name}`, () => {
        const slope = leastSquares(x, y);
        expect(far(query.map((at) => slope * at), curves.least)).toBeLessThan(1e-7);
        expect(far(nearest(x, y, query), curves["3"])).toBeLessThan(1e-7);
      });
    }

    it("another point, another noise or another order would be noticed", () => {
      const { x, y, curves } = rows[3]!;
      const moved = y.map((value, i) => (i === 2 ? value + 0.01 : value));
      expect(far(posteriorMean(families, x, moved, query).mean, curves.optimum)).toBeGreaterThan(1e-4);
      expect(far(posteriorMean(families.map((f) => ({ ...f, noise: 0.02 })), x, y, query).mean, curves.optimum)).toBeGreaterThan(1e-4);
      expect(far(predict(network, layout as Layout, [...x].reverse(), [...y].reverse(), query), curves.trained)).toBeGreaterThan(1e-3);
    });
  });

describe("what people read", () => {
  it("are words for mixtures as the task writes them", () => {
    expect(mixtureWords("line+sinusoid")).toBe("lines and sinusoids");
    expect(mixtureWords("line+sinusoid+line~sinusoid:share=None")).toBe("lines, sinusoids and blends");
    expect(mixtureWords("0.1*dense+0.9*sparse")).toBe("dense (10 %) and sparse (90 %)");
    expect(mixtureWords("dense:noise_variance=0.25")).toBe("dense with noise variance 0.25 only");
  });

  it("is the probability of a class, its blends together", () => {
    expect(byWord(new Map([["line", 0.25], ["line~sinusoid:share=None", 0.75]]))).toEqual([["lines", 0.25], ["blends", 0.75]]);
  });
});

describe("blends", () => {
  const pair = drawPair(3, 8, 1, 5);
  const query = Float64Array.from({ length: 61 }, (_, i) => -3 + i / 10);

  it("go from a sinusoid to a line, and points lie on them", () => {
    expect(blended(pair, 1)(2)).toBeCloseTo(2 * pair.slope, 12);
    expect(blended(pair, 0)(0)).toBeCloseTo(pair.cosine, 12);
    for (const { x, y } of pointsOf(pair, 0.3, 5)) expect(y).toBeCloseTo(blended(pair, 0.3)(x), 12);
    expect(pointsOf(pair, 0.3, 5).length).toBe(5);
  });

  it("are read from three numbers, and from nothing that names none", () => {
    expect(blendOf([4, 0.25, 5], 8)).toEqual({ drawn: 4, share: 0.25, count: 5 });
    expect(blendOf([4, 0.25, 50], 8)?.count).toBe(8);
    for (const none of [undefined, [], [4, 0.25], [2, 0.25, 5], [4.5, 0.25, 5], [4, 1.1, 5], [4, 0.25, -1], [4, NaN, 5], ["4", 0.25, 5]]) expect(blendOf(none, 8)).toBe(null);
  });

  it("are at no distance from themselves, and one unit above at distance one", () => {
    const f = blended(pair, 0.5);
    expect(errorTo(f, query, query.map(f))).toBe(0);
    expect(errorTo(f, query, query.map((x) => f(x) + 1))).toBeCloseTo(1, 12);
  });
});
