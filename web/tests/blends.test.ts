// A pair of functions is found whatever frequencies the task draws.
import { expect, test, vi } from "vitest";
import { drawPair, frequencies } from "../src/views/model_selection/blend";

// A search that never ends fails instead.
vi.mock("../src/math/random", async (original) => {
  const { random } = await original<typeof import("../src/math/random")>();
  return {
    random(seed: number) {
      const source = random(seed);
      let left = 100_000;
      const normal = () => {
        if (!left--) throw new Error("no pair is found");
        return source.normal();
      };
      return { ...source, normal };
    },
  };
});

test.each([
  [[[0.2, 0.5]], [0.2, 0.5]],
  [[[6, 9]], [6, 9]],
  [[[1, 2], [4, 5]], [1, 5]],
  [[] as number[][], [1, 5]],
])("sinusoids of %j are blended at frequencies of %j", (waves, expected) => {
  const line = { sinusoid: 0, low: 0, high: 0 };
  expect(frequencies([line, ...waves.map(([low, high]) => ({ sinusoid: 1, low: low!, high: high! }))])).toEqual(expected);
});

test.each([[1, 5], [1, 1.5], [0.5, 1], [0.3, 0.3]])("frequencies from %s to %s", (low, high) => {
  const { frequency, places } = drawPair(3, 8, low, high);
  expect(frequency).toBeGreaterThanOrEqual(Math.min(1.6, (low + high) / 2));
  expect(frequency).toBeLessThanOrEqual(high);
  expect(places.length).toBe(8);
});
