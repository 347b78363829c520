// A view that is told whenever its run has moved on.
import type { Opened } from "../host/open_view";
import { inTurns } from "../host/turns";
import type { Lab } from "./page";

const AGAIN = 5000; // milliseconds after which an answer that failed is asked for once more

// `run` is its document as the view has it; `tell` is given each later one. Returns how to stop following.
export function follow(lab: Lab, run: any, opened: Opened, tell: (run: any) => void = () => {}): () => void {
  let shown = run.stamp; // of the document that the view has: known only once it has come
  let wanted = shown;
  let stopped = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const read = inTurns(async () => {
    if (stopped || wanted === shown) return;
    let fresh;
    try {
      fresh = await lab.source.json(`runs/${run.id}`);
    } catch {
      clearTimeout(waiting);
      waiting = setTimeout(() => void read(), AGAIN);
      return;
    }
    if (stopped) return;
    shown = fresh.stamp;
    opened.model.set("document", fresh);
    opened.model.set("stamp", fresh.stamp);
    tell(fresh);
  });
  const leave = lab.source.onChange((stamps) => {
    wanted = stamps[run.id] ?? wanted;
    if (wanted !== shown) void read();
  });
  return () => {
    stopped = true;
    clearTimeout(waiting);
    leave();
  };
}
