// A page that follows a run: it always ends with the newest document, also when answers fail or come late.
import { expect, test, vi } from "vitest";
import type { Source } from "../src/data/source";
import { WebModel } from "../src/host/web_model";
import { follow } from "../src/pages/follow";
import type { Lab } from "../src/pages/page";

function followed() {
  const asked: { give: (stamp: number) => void; fail: () => void }[] = [];
  let told: (stamps: Record<string, number>) => void = () => {};
  const source = {
    live: true,
    json: () => new Promise((take, fail) => asked.push({ give: (stamp) => take({ id: "r", stamp }), fail: () => fail(new Error("no answer")) })),
    onChange: (callback: typeof told) => ((told = callback), () => (told = () => {})),
  };
  const model = new WebModel({} as Source, {});
  const told_ = vi.fn();
  const stop = follow({ source } as unknown as Lab, { id: "r", stamp: 1 }, { model, close: () => {} }, told_);
  const rest = () => new Promise((go) => setTimeout(go));
  return { asked, model, told: told_, stop, rest, tell: (stamp: number) => told({ r: stamp, other: 9 }) };
}

test("what could not be read is read at the next word of it", async () => {
  const { asked, model, rest, tell, told } = followed();
  tell(2);
  asked[0]!.fail();
  await rest();
  tell(2); // as a server says again to whom it lost
  await rest();
  expect(asked.length).toBe(2);
  asked[1]!.give(2);
  await rest();
  expect(model.get("stamp")).toBe(2);
  expect(told).toHaveBeenCalledTimes(1);
});

test("what could not be read is asked for again after a while without a word", async () => {
  vi.useFakeTimers();
  const { asked, tell, stop } = followed();
  tell(2);
  asked[0]!.fail();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.length).toBe(2);
  asked[1]!.fail();
  await vi.advanceTimersByTimeAsync(1000);
  stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.length).toBe(2);
  vi.useRealTimers();
});

test("an early answer that comes late does not take the place of a newer one", async () => {
  const { asked, model, rest, tell } = followed();
  tell(2);
  tell(3);
  await rest();
  asked[1]?.give(3);
  await rest();
  asked[0]!.give(2);
  await rest();
  asked[1]?.give(3);
  await rest();
  expect(model.get("stamp")).toBe(3);
  expect(model.get("document").stamp).toBe(3);
});

test("a document that is newer than the word of it is not read twice, and after the end nothing is told", async () => {
  const { asked, model, rest, stop, tell, told } = followed();
  tell(2);
  asked[0]!.give(3);
  await rest();
  tell(3);
  await rest();
  expect(asked.length).toBe(1);
  tell(4);
  stop();
  asked[1]!.give(4);
  await rest();
  expect([model.get("stamp"), told.mock.calls.length]).toEqual([3, 1]);
});
