// Which member a view shows: the box to choose it, and its number as Python sees it.
import type { Curves } from "../data/curves";
import { h, offer, select } from "../draw/dom";
import type { Shared } from "../draw/store";
import type { Trait } from "./traits";

// By its number in the run: places in a list change while members begin to train.
type Chosen = { member: number };

export interface MemberControls {
  el: HTMLElement;
  renew(curves: Curves): void;
}

// Controls that begin with a box of members, where there is something to choose.
export function memberControls(label: string, curves: Curves, store: Shared<Chosen>): MemberControls {
  const el = h("div", { class: "lb-controls" });
  const box = select(label, [], "", (value) => store.set({ member: Number(value) }));
  const renew = (fresh: Curves) => {
    if (fresh.members.length > 1 && !box.parentElement) el.prepend(box);
    offer(box, fresh.members.map(({ member }, i): [string, string] => [String(member), fresh.word(i)]), String(store.state.member));
  };
  renew(curves);
  store.on(["member"], () => (box.querySelector("select")!.value = String(store.state.member)));
  return { el, renew };
}

// A member that is none of the run's is taken for its first.
export function memberTrait(curves: () => Curves): Trait<Chosen> {
  const known = (member: number) => (curves().placeOf(member) < 0 ? curves().members[0]!.member : member);
  return { name: "member", key: "member", tell: (member) => member, take: known };
}
