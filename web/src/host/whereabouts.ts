// Where in a run an address or Python wants a view to be, and where that can be.
import { clamp } from "../draw/axes";
import type { Model } from "./model";
import type { Trait } from "./traits";

// A number of an address; undefined where it says none.
export function numberOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key)?.trim();
  const value = text ? Number(text) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

// The step at which a view begins: the end, unless a step of the run is asked for.
export function stepOf(model: Model, last: number): number {
  const asked = model.get("step");
  return Number.isFinite(asked) ? within(asked, last) : last;
}

export function stepTrait(last: () => number): Trait<{ step: number }> {
  return { name: "step", key: "step", tell: (step) => step, take: (step) => within(step, last()) };
}

export const shareTrait: Trait<{ share: number }> = { name: "share", key: "share", tell: (share) => share, take: (share) => clamp(share, 0, 1) };

function within(step: number, last: number): number {
  return clamp(Math.round(step), 0, last);
}
