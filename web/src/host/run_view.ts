// A view of a run: it opens, begins when the run has measured something, follows the run, and closes.
import { Curves } from "../data/curves";
import { add, alarm, h } from "../draw/dom";
import type { Shared } from "../draw/store";
import { dress } from "../draw/theme";
import { Closing } from "./closing";
import { Packs, type Model, type Rendering, type ViewModule } from "./model";
import { inTurns } from "./turns";

export interface Host {
  model: Model;
  packs: Packs;
  root: HTMLElement;
  closing: Closing; // what is called when the view closes
}

// `begin` shows the run in the root and returns what to do whenever the run has moved on: its packs are asked for anew.
export function runView(begin: (host: Host) => Promise<() => unknown>): ViewModule {
  return {
    async render({ model, el }: Rendering): Promise<() => void> {
      const root = h("div", { class: "lb-view" }, h("p", { class: "lb-wait" }, "Reading the run…"));
      const trouble = alarm();
      trouble.hidden = true;
      add(el, trouble, root);
      const packs = new Packs(model);
      const closing = new Closing();
      closing.push(dress(el), () => packs.close());
      let moveOn: (() => unknown) | null = null;
      const start = async () => {
        const own = new Closing();
        closing.push(() => own.close());
        try {
          moveOn = await begin({ model, packs, root, closing: own });
        } catch (error) {
          own.close();
          root.replaceChildren(alarm((error as Error).message));
        }
      };
      const follow = inTurns(async () => {
        if (closing.closed) return;
        packs.forget();
        if (!packs.has("curves")) root.replaceChildren(h("p", { class: "lb-note", role: "status" }, "This run has measured nothing yet. Its pictures come as it trains."));
        else if (!moveOn) await start();
        else
          try {
            await moveOn();
            trouble.hidden = true;
          } catch (error) {
            trouble.textContent = `The run has moved on; what stands here is from before: ${(error as Error).message}`;
            trouble.hidden = false;
          }
      });
      const tell = () => void follow();
      model.on("change:stamp", tell);
      closing.push(() => model.off("change:stamp", tell));
      await follow();
      return () => closing.close();
    },
  };
}

// Shows the fresh curves of a run that has moved on; who stands at its end goes along.
export async function goAlong(packs: Packs, store: Shared<{ step: number }>, last: number, show: (fresh: Curves) => unknown): Promise<void> {
  const atEnd = store.state.step >= last;
  const fresh = new Curves(await packs.get("curves"));
  await show(fresh);
  if (atEnd) store.set({ step: fresh.lastStep });
}
