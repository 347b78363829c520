// A view of a run: it opens, begins when the run has measured something, follows the run, and closes.
import { Curves } from "../data/curves";
import { add, h } from "../draw/dom";
import type { Shared } from "../draw/store";
import { Packs, type Model, type Rendering, type ViewModule } from "./model";

export interface Host {
  model: Model;
  packs: Packs;
  root: HTMLElement;
  closing: (() => void)[]; // called when the view closes
}

// `begin` shows the run in the root and returns what to do whenever the run has moved on: its packs are asked for anew.
export function runView(begin: (host: Host) => Promise<() => unknown>): ViewModule {
  return {
    async render({ model, el }: Rendering): Promise<() => void> {
      el.classList.add("latebloom");
      const root = h("div", { class: "lb-view" }, h("p", { class: "lb-wait" }, "Reading the run…"));
      add(el, root);
      const packs = new Packs(model);
      const closing: (() => void)[] = [() => packs.close()];
      const listen = (tell: () => void): (() => void) => {
        const leave = () => model.off("change:stamp", tell);
        model.on("change:stamp", tell);
        closing.push(leave);
        return leave;
      };
      const start = async () => {
        try {
          const moveOn = await begin({ model, packs, root, closing });
          listen(() => {
            packs.forget();
            void moveOn();
          });
        } catch (error) {
          root.replaceChildren(h("p", { class: "lb-error", role: "alert" }, (error as Error).message));
        }
      };
      if (packs.has("curves")) await start();
      else {
        root.replaceChildren(h("p", { class: "lb-note", role: "status" }, "This run has measured nothing yet. Its pictures come as it trains."));
        const leave = listen(() => {
          if (!packs.has("curves")) return;
          leave();
          void start();
        });
      }
      return () => closing.forEach((close) => close());
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
