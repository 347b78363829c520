// What an address or Python asks for is shown where it can be; what is no number, or no step of the run, is not believed.
import { expect, test, vi } from "vitest";
import type { Source } from "../src/data/source";
import { Store } from "../src/draw/store";
import { linkTraits } from "../src/host/traits";
import { numberOf, shareTrait, stepOf, stepTrait } from "../src/host/whereabouts";
import { WebModel } from "../src/host/web_model";

test("an address gives numbers or nothing", () => {
  const query = new URLSearchParams("step=abc&member=3&share=0.25&empty=&far=1e999&words=NaN");
  expect(["step", "member", "share", "empty", "far", "words", "none"].map((key) => numberOf(query, key))).toEqual([undefined, 3, 0.25, undefined, undefined, undefined, undefined]);
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
