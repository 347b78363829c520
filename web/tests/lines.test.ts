// What the charts over places compute before they draw.
import { describe, expect, it } from "vitest";
import { frameAt } from "../src/data/frames";
import { mix } from "../src/draw/cells";
import { middle, rangeOf } from "../src/draw/lines";
import { reading } from "../src/draw/plot";
import { paired } from "../src/views/future_tokens/arms";

describe("lines", () => {
  it("shows the last snapshot not after a step", () => {
    const steps = [0, 10, 100];
    expect([0, 9, 10, 99, 100, 500].map((step) => frameAt(steps, step))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it("takes medians of the seeds that have a value", () => {
    const lines = [[1, NaN], [5, NaN], [2, 7]];
    expect(middle(lines, 0)).toBe(2);
    expect(middle(lines, 1)).toBe(7);
    expect(middle([[1], [2]], 0)).toBe(1.5);
    expect(middle([[NaN]], 0)).toBeNaN();
  });

  it("finds ranges, with zero, and with a floor where they are logarithmic", () => {
    expect(rangeOf([[0.2, 1], [NaN, 0.4]], { zero: true })).toEqual([0, 1.05]);
    const [low, high] = rangeOf([[1e-9, 0, 2]], { log: true, floor: 1 / 100 });
    expect(low).toBeCloseTo(0.02 / 1.15);
    expect(high).toBeCloseTo(2.3);
  });

  it("says what stands at a place, and that nothing does", () => {
    expect(reading("place 3", [["vanilla", 2.3456], ["no past", NaN], ["myopic", -0.5]])).toBe("place 3: vanilla 2.35, myopic −0.5.");
    expect(reading("place 0", [["vanilla", NaN]])).toBe("place 0: no value.");
  });

  it("pairs members of one seed only", () => {
    const arm = (members: number[], seeds: number[]) => ({ past: "", name: "", members, seeds });
    expect(paired(arm([4, 5, 6], [0, 1, 2]), arm([0, 1], [2, 0]))).toEqual([[4, 1], [6, 0]]);
  });

  it("mixes colours of the style sheet", () => {
    expect(mix("#000000", "#ff8000", 0.5)).toBe("rgb(128 64 0)");
  });
});
