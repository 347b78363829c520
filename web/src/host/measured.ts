// Begins a view when its run has measured something: at once, or when a run that is training tells so.
import { h } from "../draw/dom";
import type { Model, Packs } from "./model";

export async function whenMeasured(
  model: Model,
  packs: Packs,
  root: HTMLElement,
  begin: () => Promise<void>,
): Promise<() => void> {
  const start = async () => {
    try {
      await begin();
    } catch (error) {
      root.replaceChildren(h("p", { class: "lb-error", role: "alert" }, (error as Error).message));
    }
  };
  if (packs.has("curves")) {
    await start();
    return () => {};
  }
  root.replaceChildren(h("p", { class: "lb-note", role: "status" }, "This run has measured nothing yet. Its pictures come as it trains."));
  const look = () => {
    if (!packs.has("curves")) return;
    model.off("change:stamp", look);
    void start();
  };
  model.on("change:stamp", look);
  return () => model.off("change:stamp", look);
}
