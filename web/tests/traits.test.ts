// Traits follow the pictures' state and are followed by it, and nobody answers to what they were just told.
import { expect, test, vi } from "vitest";
import type { Source } from "../src/data/source";
import { Store } from "../src/draw/store";
import { linkTraits, type Trait } from "../src/host/traits";
import { WebModel } from "../src/host/web_model";

interface State {
  step: number;
  points: { x: number }[];
}

const POINTS: Trait<State> = {
  name: "points",
  key: "points",
  tell: (points: State["points"]) => points.map(({ x }) => Math.round(10 * x) / 10),
  take: (given: number[]) => given.map((x) => ({ x })),
};

function linked() {
  const frames: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (work: () => void) => frames.push(work));
  const model = new WebModel({} as Source, {});
  const store = new Store<State>({ step: 5, points: [] });
  const stop = linkTraits(model, store, ["step", POINTS]);
  return { model, store, stop, frame: () => frames.splice(0).forEach((work) => work()) };
}

test("the state is told in the trait's form, once, and stays as it is", () => {
  const { model, store, frame } = linked();
  const saved = vi.fn();
  model.on("saved", saved);
  const points = [{ x: 0.123 }];
  store.set({ step: 7, points });
  frame();
  expect([model.get("step"), model.get("points")]).toEqual([7, [0.1]]);
  expect(store.state.points).toBe(points);
  frame();
  expect(saved).toHaveBeenCalledTimes(1);
});

test("what Python sets is taken, nothing is not, and after the end neither side is told", () => {
  const { model, store, stop, frame } = linked();
  model.set("points", [0.5, 2]);
  model.set("step", null);
  expect(store.state).toEqual({ step: 5, points: [{ x: 0.5 }, { x: 2 }] });
  frame();
  expect(model.get("step")).toBe(5);
  stop();
  model.set("step", 9);
  store.set({ points: [] });
  frame();
  expect([store.state.step, model.get("points")]).toEqual([5, [0.5, 2]]);
});
