// One shared state of linked pictures. Whoever listens to a key is told once a frame, with the latest state.
import { nextFrame } from "./frame";

// What a picture needs of a store that may hold more than it knows of.
export interface Shared<State extends object> {
  readonly state: State;
  set(changes: Partial<State>): void;
  on(keys: (keyof State)[], tell: () => void): () => void;
}

export class Store<State extends object> implements Shared<State> {
  private readonly listeners = new Set<{ keys: (keyof State)[]; tell: () => void }>();

  constructor(readonly state: State) {}

  set(changes: Partial<State>): void {
    const changed = (Object.keys(changes) as (keyof State)[]).filter((key) => this.state[key] !== changes[key]);
    if (!changed.length) return;
    Object.assign(this.state, changes);
    for (const { keys, tell } of this.listeners) if (keys.some((key) => changed.includes(key))) nextFrame(tell);
  }

  // Returns how to stop listening.
  on(keys: (keyof State)[], tell: () => void): () => void {
    const listener = { keys, tell };
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
