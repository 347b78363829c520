// A view that is told whenever its run has moved on.
import type { Opened } from "../host/open_view";
import type { Lab } from "./page";

// `run` is its document as the view has it; `tell` is given each later one. Returns how to stop following.
export function follow(lab: Lab, run: any, opened: Opened, tell: (run: any) => void = () => {}): () => void {
  let stamp = run.stamp;
  return lab.source.onChange(async (stamps) => {
    const now = stamps[run.id];
    if (now === undefined || now === stamp) return;
    stamp = now;
    const fresh = await lab.source.json(`runs/${run.id}`);
    opened.model.set("document", fresh);
    opened.model.set("stamp", fresh.stamp);
    tell(fresh);
  });
}
