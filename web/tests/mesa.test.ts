// The page's linear attention against numbers of our Python (tests/view/mesa_numbers.py writes them).
import { describe, expect, it } from "vitest";
import { between, compress, lossByPlace, oneStep, run, tokensOf, type Stack } from "../src/math/linear_attention";
import numbers from "./mesa.json";

function near(ours: ArrayLike<number>, theirs: ArrayLike<number>, tolerance = 1e-7): void {
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < theirs.length; i++) expect(Math.abs(ours[i]! - theirs[i]!)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(theirs[i]!)));
}

for (const told of numbers.stacks)
  describe(`linear attention on ${told.tokens} tokens`, () => {
    const { width, clip, tokens: layout } = told;
    const size = 4 * width;
    const length = told.states.length / 2;
    const states = [0, 1].map((row) => Float64Array.from(told.states.slice(row * length, (row + 1) * length)));
    const heads = (values: number[], layer: number) => [0, 1].map((head) => Float64Array.from(values.slice((2 * layer + head) * size * size, (2 * layer + head + 1) * size * size)));
    const network: Stack = { size, width, clip, layers: [0, 1].map((layer) => ({ qk: heads(told.qk, layer), ov: heads(told.ov, layer) })) };
    const small = compress(network);
    const tokens = states.map((own) => tokensOf(own, width, layout));

    it("writes Python's tokens", () => near(tokens.flatMap((own) => [...own]), told.written));

    it("compresses as in Python", () => near(small.layers[0]!.qk[0]!, told.compressed));

    for (const blend of told.blends)
      it(`says and loses what Python does, ${100 * blend.share} % of the way`, () => {
        const said = tokens.map((own) => run(between(network, small, blend.share), own));
        near(said.flatMap((own) => [...own]), blend.said);
        near(lossByPlace(said, states, width), blend.loss);
      });

    it("takes Python's gradient step", () => near(states.flatMap((own) => [...oneStep(own, width, told.rate)]), told.step));

    it("would not pass without the clip, the mask of the future or the right blend", () => {
      const said = (stack: Stack) => tokens.flatMap((own) => [...run(stack, own)]);
      expect(() => near(said({ ...network, clip: null }), told.blends[0]!.said)).toThrow();
      expect(() => near(said(between(network, small, 0.31)), told.blends[1]!.said)).toThrow();
      const turned = tokens.map((own) => run(network, own.slice().reverse()));
      expect(() => near(turned.flatMap((own) => [...own]), told.blends[0]!.said)).toThrow();
    });
  });
