// Loads a view's file and shows it in an element of the page.
import { loadScript, type Source } from "../data/source";
import type { ViewModule } from "./model";
import { WebModel } from "./web_model";

const loaded = new Map<string, Promise<void>>();

export interface Opened {
  model: WebModel;
  close(): void;
}

// `saved` is told whenever the reader has changed what the view shares, from its first picture on.
export async function openView(name: string, source: Source, el: HTMLElement, state: Record<string, unknown>, saved: (model: WebModel) => void = () => {}): Promise<Opened> {
  if (!VIEWS.includes(name)) throw new Error(`There is no view ${name}; there are ${VIEWS.join(", ")}.`);
  if (!loaded.has(name)) loaded.set(name, loadScript(`static/view-${name}.js`));
  await loaded.get(name)!.catch((error) => {
    loaded.delete(name); // whoever comes back asks again
    throw error;
  });
  const module = (globalThis as any)[`latebloom_view_${name}`].default as ViewModule;
  const model = new WebModel(source, state);
  model.on("saved", () => saved(model));
  const close = await module.render({ model, el });
  return { model, close };
}
