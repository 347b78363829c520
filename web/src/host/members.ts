// Which member a view shows: the box to choose it, and its number as Python sees it.
import type { Curves } from "../data/curves";
import { h, select } from "../draw/dom";
import type { Shared } from "../draw/store";
import type { Trait } from "./traits";

type Placed = { place: number };

// Controls that begin with a box of members, where there is something to choose.
export function memberControls(label: string, curves: Curves, store: Shared<Placed>): HTMLElement {
  const controls = h("div", { class: "lb-controls" });
  if (curves.members.length < 2) return controls;
  const choices = curves.members.map((_, i): [string, string] => [String(i), curves.word(i)]);
  const box = select(label, choices, String(store.state.place), (value) => store.set({ place: Number(value) }));
  store.on(["place"], () => (box.querySelector("select")!.value = String(store.state.place)));
  controls.append(box);
  return controls;
}

export function memberTrait(curves: Curves): Trait<Placed> {
  return { name: "member", key: "place", tell: (place) => curves.members[place]!.member, take: (member) => Math.max(0, curves.placeOf(member)) };
}
