// What an address or Python asks for is shown where it can be; what is no number, or no step of the run, is not believed.
import { expect, test, vi } from "vitest";
import type { Source } from "../src/data/source";
import { Store } from "../src/draw/store";
import { readAddress, writeAddress } from "../src/host/address";
import { linkTraits } from "../src/host/traits";
import { numberOf, shareTrait, stepOf, stepTrait } from "../src/host/whereabouts";
import { WebModel } from "../src/host/web_model";

test("an address gives numbers or nothing", () => {
  const query = new URLSearchParams("step=abc&member=3&share=0.25&empty=&far=1e999&words=NaN");
  expect(["step", "member", "share", "empty", "far", "words", "none"].map((key) => numberOf(query, key))).toEqual([undefined, 3, 0.25, undefined, undefined, undefined, undefined]);
});

test("an address gives back what was typed, put and chosen", () => {
  const state: Record<string, unknown> = { step: 12, member: null, share: undefined, arm: "hidden 32, lr 0.1", a: 0, b: 19, sentence: "my yak, does it sleep?", points: [[0.5, 1], [-1.25, 0]], document: {} };
  const text = writeAddress((key) => state[key]);
  expect(text).toBe("step=12&arm=hidden+32,+lr+0.1&a=0&b=19&sentence=my+yak,+does+it+sleep%3F&points=0.5,1,-1.25,0");
  const { member, share, document, ...kept } = state;
  expect(readAddress(new URLSearchParams(text))).toEqual(kept);
  const blended: Record<string, unknown> = { seed: 3, blend: [4, 0.25, 5], points: [[0.5, 1]] };
  expect(writeAddress((key) => blended[key])).toBe("seed=3&blend=4,0.25,5"); // a blend knows its points
  expect(readAddress(new URLSearchParams("seed=3&blend=4,0.25,5"))).toEqual({ seed: 3, blend: [4, 0.25, 5] });
  expect(writeAddress((key) => ({ sentence: "", points: [] } as Record<string, unknown>)[key])).toBe("");
});

test("what cannot be is not read from an address", () => {
  const read = (text: string) => Object.values(readAddress(new URLSearchParams(text))).filter((value) => value !== undefined);
  for (const text of ["points=", "points=1", "points=1,2,3", "points=1,x", "points=1,", "points=1,1e999", "points=NaN,0", "blend=x", "blend=1,,2", "seed=-1", "a=-1", "a=2.5", "b=x", "sentence=+", "step=", "other=3"]) expect(read(text)).toEqual([]);
  expect(read("points=1,2,-3,3.2&a=7")).toEqual([7, [[1, 2], [-3, 3.2]]]);
});

test("a view begins at a step of its run, at the end without one", () => {
  const begun = (step: unknown) => stepOf(new WebModel({} as Source, { step }), 40);
  expect([undefined, null, NaN, 12, 12.4, -3, 1e9, "7"].map(begun)).toEqual([40, 40, 40, 12, 12, 0, 40, 40]);
});

test("what Python sets later ends at the run's ends, too", () => {
  vi.stubGlobal("requestAnimationFrame", (work: () => void) => work());
  const model = new WebModel({} as Source, {});
  const store = new Store({ step: 5, share: 0.5 });
  linkTraits(model, store, [stepTrait(() => 40), shareTrait]);
  model.set("step", 1e6);
  model.set("share", 7);
  expect(store.state).toEqual({ step: 40, share: 1 });
  model.set("step", -1);
  expect(store.state.step).toBe(0);
  model.set("step", -7);
  expect(model.get("step")).toBe(0); // and Python reads where the view is
});
