// Traits: what Python sees of a view's state and may change.
import type { Shared } from "../draw/store";
import type { Model } from "./model";

export interface Trait<State> {
  name: string;
  key: keyof State; // what it is of the state
  tell(value: any): unknown; // the state's value as Python has it
  take(value: any): unknown;
}

// Links traits to a store; those that are the state's values as they stand are named only. Returns how to stop.
export function linkTraits<State extends object>(model: Model, store: Shared<State>, traits: ((keyof State & string) | Trait<State>)[]): () => void {
  const asIs = (value: any) => value;
  const all = traits.map((trait): Trait<State> => (typeof trait === "object" ? trait : { name: trait, key: trait, tell: asIs, take: asIs }));
  const leave = store.on(all.map(({ key }) => key), () => {
    for (const { name, key, tell } of all) {
      const value = tell(store.state[key]);
      if (!same(value, model.get(name))) model.set(name, value);
    }
    model.save_changes();
  });
  const leaving = all.map(({ name, key, tell, take }) => {
    const listen = () => {
      const value = model.get(name);
      const before = store.state[key];
      if (value === null || value === undefined || same(value, tell(store.state[key]))) return;
      const taken = take(value);
      store.set({ [key]: taken } as Partial<State>);
      if (store.state[key] !== before) return; // the state tells of itself
      model.set(name, tell(taken)); // it stays where it was, for there is no such place
      model.save_changes();
    };
    model.on(`change:${name}`, listen);
    return () => model.off(`change:${name}`, listen);
  });
  return () => [leave, ...leaving].forEach((stop) => stop());
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
