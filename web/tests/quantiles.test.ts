// The median over members at every step: of those that ended as of those that train on, and of none that diverged.
import { describe, expect, it } from "vitest";
import { Curves } from "../src/data/curves";
import { lostWords, quantile, type Ending } from "../src/draw/quantile";

const x = [0, 10, 20, 30];
const series = (lines: number[][], endings?: Ending[]) => ({ x, lines, ...(endings ? { endings } : {}) });
const median = (lines: number[][], endings?: Ending[]) => [...quantile(series(lines, endings), 0.5)];

describe("a median over members", () => {
  it("is of those that have a value where nothing is known of how they end", () => {
    expect(median([[1, NaN, 1, 1], [2, 5, 2, 2], [3, 7, 3, 3]])).toEqual([2, 6, 2, 2]);
  });

  // Two of three have learned everything and were stopped; the third still guesses. Half of them know: it is no 0.1.
  it("holds the last value of a member that met its stopping rule, or came to its own end", () => {
    const lines = [[0.1, 1, NaN, NaN], [0.1, 0.5, 1, NaN], [0.1, 0.1, 0.1, 0.1]];
    expect(median(lines, ["done", "done", "done"])).toEqual([0.1, 0.5, 1, 1]);
    expect(median(lines)).toEqual([0.1, 0.5, 0.55, 0.1]); // the jump there would be
  });

  it("is as pandas has it: pivot, ffill, median", () => {
    const lines = [[4, NaN, 2, NaN], [NaN, 8, NaN, 6], [1, 1, NaN, NaN]];
    expect(median(lines, ["done", "done", "done"])).toEqual([2.5, 4, 2, 2]); // worked out with pandas
  });

  it("does not hold a member that has not come so far yet", () => {
    const lines = [[0, 0.4, NaN, NaN], [0, 0.6, 0.8, 1]];
    expect(median(lines, ["training", "done"])).toEqual([0, 0.5, 0.8, 1]);
    expect(median([[0, NaN, 1, NaN], [2, 2, 2, 2]], ["training", "done"])).toEqual([1, 1, 1.5, 2]); // between its logs it is held
  });

  it("leaves a member that diverged out from the first step on, and says so", () => {
    const lines = [[9, 9, NaN, NaN], [1, 2, 3, 4], [3, 4, 5, 6]];
    const endings: Ending[] = ["diverged", "done", "done"];
    expect(median(lines, endings)).toEqual([2, 3, 4, 5]);
    expect(lostWords(series(lines, endings))).toBe("median of 2, 1 diverged");
    expect(lostWords(series(lines, ["done", "done", "done"]))).toBe("");
    expect(median(lines, ["diverged", "diverged", "diverged"])).toEqual([NaN, NaN, NaN, NaN]);
    expect(lostWords(series(lines, ["diverged", "diverged", "diverged"]))).toBe("all 3 diverged");
  });

  it("of one member is that member, whatever became of it", () => {
    expect(median([[1, 2, NaN, NaN]], ["diverged"])).toEqual([1, 2, NaN, NaN]);
    expect(lostWords(series([[1, 2, NaN, NaN]], ["diverged"]))).toBe("diverged");
  });
});

it("curves say where not every log of theirs is here", () => {
  const said = (stride: number) => new Curves({ document: { members: [], stride }, arrays: {} }).thinned;
  expect(said(1)).toBe("");
  expect(said(5.62)).toContain("about one in 5.6 of its entries is drawn");
});

it("the line of a guess stands where it holds for everybody who is shown", () => {
  const curves = new Curves({ document: { members: [0.5, 0.5, 0.25, null].map((chance) => ({ chance })) }, arrays: {} });
  expect(curves.chance()).toBeNull();
  expect([[0, 1], [1, 2], [2], [3], [2, 3]].map((places) => curves.chance(places))).toEqual([0.5, null, 0.25, null, null]);
});

it("curves know of every member how it ended", () => {
  const member = (own: object) => ({ member: 0, seed: 0, settings: {}, diverged: false, done: false, ...own });
  const document = { members: [member({ done: true }), member({ diverged: true, done: true }), member({})], columns: { a: { axis: 0, unit: "" } } };
  const arrays = { a: { shape: [3, 1], data: new Float32Array(3) }, axis0: { shape: [1], data: new Float32Array(1) } };
  const curves = new Curves({ document, arrays });
  expect(curves.series("a", "", "").endings).toEqual(["done", "diverged", "training"]);
  expect(curves.series("a", "", "", [2, 0]).endings).toEqual(["training", "done"]);
});
