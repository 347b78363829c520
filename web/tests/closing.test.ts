// What a view has begun is closed with it, also what it begins afterwards because it was waiting when the reader left.
import { beforeEach, expect, test, vi } from "vitest";
import type { Source } from "../src/data/source";
import { Closing } from "../src/host/closing";
import { runView, type Host } from "../src/host/run_view";
import { inTurns } from "../src/host/turns";
import { WebModel } from "../src/host/web_model";

test("what comes after the close is closed at once, what came before once", () => {
  const closing = new Closing();
  const [early, late] = [vi.fn(), vi.fn()];
  closing.push(early);
  expect(early).not.toHaveBeenCalled();
  closing.close();
  closing.push(late);
  closing.close();
  expect([early.mock.calls.length, late.mock.calls.length, closing.closed]).toEqual([1, 1, true]);
});

test("work is done one at a time, and once more if it was asked for meanwhile", async () => {
  const done: (() => void)[] = [];
  const work = vi.fn(() => new Promise<void>((end) => done.push(end)));
  const ask = inTurns(work);
  void ask();
  void ask();
  const last = ask();
  expect(work).toHaveBeenCalledTimes(1);
  done.shift()!();
  await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2));
  done.shift()!();
  await last;
  expect(work).toHaveBeenCalledTimes(2);
});

test("work that failed can be asked for again", async () => {
  const work = vi.fn().mockRejectedValueOnce(new Error("no")).mockResolvedValue(undefined);
  const ask = inTurns(work);
  await expect(ask()).rejects.toThrow("no");
  await ask();
  expect(work).toHaveBeenCalledTimes(2);
});

test("what was asked for while work failed is done all the same, and tells how it ended", async () => {
  const work = vi.fn().mockRejectedValueOnce(new Error("no")).mockResolvedValue(undefined);
  const ask = inTurns(work);
  await Promise.all([ask(), ask()]);
  expect(work).toHaveBeenCalledTimes(2);
});

// As much of a page as a view without pictures needs.
class Element {
  dataset = {};
  style = {};
  hidden = false;
  textContent = "";
  children: unknown[] = [];
  classList = { add: () => {}, contains: () => false };
  setAttribute() {}
  append(...children: unknown[]) {
    this.children.push(...children);
  }
  replaceChildren(...children: unknown[]) {
    this.children = children;
  }
}

function page(packs: string[]) {
  const model = new WebModel({} as Source, { document: { packs } });
  const element = new Element() as unknown as HTMLElement;
  const arrive = (...names: string[]) => {
    model.set("document", { packs: names });
    model.set("stamp", (model.get("stamp") ?? 0) + 1);
  };
  return { model, element, arrive };
}

beforeEach(() => {
  vi.stubGlobal("document", { body: new Element(), createElement: () => new Element() });
  vi.stubGlobal("matchMedia", () => ({ addEventListener: () => {} }));
  vi.stubGlobal("MutationObserver", class { observe() {} });
});

test("a view that is left while it begins closes what it begins then, and follows its run no longer", async () => {
  const { model, element, arrive } = page([]);
  let ready = () => {};
  const closed = vi.fn();
  const moveOn = vi.fn();
  const begin = vi.fn(async ({ closing }: Host) => {
    await new Promise<void>((go) => (ready = go));
    closing.push(closed);
    return moveOn;
  });
  const close = await runView(begin).render({ model, el: element });
  expect(begin).not.toHaveBeenCalled(); // nothing is measured yet
  arrive("curves");
  await vi.waitFor(() => expect(begin).toHaveBeenCalled());
  close();
  expect(closed).not.toHaveBeenCalled();
  ready();
  await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1));
  arrive("curves", "outcomes");
  await new Promise((go) => setTimeout(go));
  expect(moveOn).not.toHaveBeenCalled();
});

test("a run that moves on while its view begins is read again", async () => {
  const { model, element, arrive } = page(["curves"]);
  let ready = () => {};
  const moveOn = vi.fn();
  const opened = runView(async () => {
    await new Promise<void>((go) => (ready = go));
    return moveOn;
  }).render({ model, el: element });
  await vi.waitFor(() => expect(ready).not.toBe(undefined));
  arrive("curves");
  ready();
  (await opened)();
  expect(moveOn).toHaveBeenCalledTimes(1);
});

test("a run that could not be read again leaves what stands, and says so until it can", async () => {
  const { model, element, arrive } = page(["curves"]);
  const moveOn = vi.fn().mockRejectedValueOnce(new Error("half a file")).mockResolvedValue(undefined);
  await runView(async () => moveOn).render({ model, el: element });
  const [trouble] = element.children as unknown as Element[];
  arrive("curves");
  await vi.waitFor(() => expect(trouble!.hidden).toBe(false));
  expect(trouble!.textContent).toContain("half a file");
  arrive("curves");
  await vi.waitFor(() => expect(trouble!.hidden).toBe(true));
});
