// Logic without a browser: films, random numbers, ticks, quantiles, a network that learns.
import { describe, expect, it, vi } from "vitest";
import { makeScale, shown, shownTicks, ticksOf } from "../src/draw/axes";
import { stepAt } from "../src/draw/player";
import { WebModel } from "../src/host/web_model";
import { Packs } from "../src/host/model";
import { answer } from "../src/math/additive";
import { random } from "../src/math/random";
import { DEFAULTS, initial, Network, split } from "../src/math/train";
import { Film } from "../src/views/grokking/film";

describe("a film", () => {
  const film = new Film(2, 1);
  const table = new Float32Array(2);
  for (const step of [0, 10, 30]) film.add(step, { p: 2, neurons: 1, first: table, second: table, out: table, activation: "relu" });

  it("shows the last snapshot that is not after the step", () => {
    expect([0, 9.9, 10, 29, 30, 1000].map((step) => film.frameAt(step))).toEqual([0, 0, 1, 1, 2, 2]);
  });
});

// The browser lets a range input stand at multiples of its step alone: 2,500 steps, three at a time, end at 2,499.
it("the slider of steps reaches the last one, and every one that it stands at before", () => {
  for (const [last, stride] of [[1, 1], [40, 1], [2500, 3], [5500, 6]] as const) {
    const highest = last - (last % stride);
    expect(stepAt(highest, last)).toBe(last);
    expect(stepAt(highest - stride, last)).toBe(highest - stride);
    expect(stepAt(0, last)).toBe(0);
  }
});

describe("random numbers", () => {
  it("repeat with the seed and differ without", () => {
    const draw = (seed: number) => Array.from({ length: 5 }, random(seed).normal);
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });

  it("are normal, and permutations hold everything once", () => {
    const source = random(1);
    const values = Array.from({ length: 20000 }, () => source.normal());
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    expect([...source.permutation(50)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});

describe("ticks", () => {
  it("of a log scale are powers of ten, or 1, 2 and 5 within a decade", () => {
    expect(ticksOf(makeScale(true, [1e-3, 10], [0, 100]), true, 9)).toEqual([1e-3, 1e-2, 0.1, 1, 10].map((v) => expect.closeTo(v, 12)));
    expect(ticksOf(makeScale(true, [0.15, 0.9], [0, 100]), true, 5)).toEqual([0.2, 0.5].map((v) => expect.closeTo(v, 12)));
  });

  it("are two at least: one number alone tells no scale", () => {
    expect(ticksOf(makeScale(true, [0.3, 0.9], [0, 100]), true, 5)).toEqual([0.4, 0.6, 0.8].map((v) => expect.closeTo(v, 12)));
    const linear = makeScale(false, [-1.4, -0.6], [0, 100]);
    expect(linear.ticks(2)).toEqual([-1]);
    expect(ticksOf(linear, false, 2)).toEqual([-1.4, -1.2, -1, -0.8, -0.6].map((v) => expect.closeTo(v, 12)));
  });

  it("are told apart, by as many digits as that takes", () => {
    expect(shownTicks([14.15, 14.2, 14.25])).toEqual(["14.15", "14.2", "14.25"]);
    expect(shownTicks([0.99985, 0.9999, 0.99995, 1])).toEqual(["0.99985", "0.9999", "0.99995", "1"]);
    expect(shownTicks([12340, 12350])).toEqual(["12.34k", "12.35k"]);
    expect(shownTicks([0.00012341, 0.00012342])).toEqual(["1.2341·10⁻⁴", "1.2342·10⁻⁴"]);
    expect(shownTicks([1, 10, 1e6])).toEqual(["1", "10", "10⁶"]);
  });

  it("of an even scale are written alike: a power of ten stands out on a logarithmic one alone", () => {
    expect(shownTicks([0, 1e5, 2e5, 3e5], false)).toEqual(["0", "100k", "200k", "300k"]);
    expect(shownTicks([0, 1e6, 2e6], false)).toEqual(["0", "1000k", "2000k"]);
  });

  it("of what is counted are whole", () => {
    expect(ticksOf(makeScale(false, [1, 4], [0, 900]), false, 9, true)).toEqual([1, 2, 3, 4]);
    expect(ticksOf(makeScale(false, [0, 1], [0, 900]), false, 9, true)).toEqual([0, 1]);
    expect(ticksOf(makeScale(false, [0, 60], [0, 300]), false, 3, true)).toEqual([0, 20, 40, 60]);
    expect(ticksOf(makeScale(true, [1, 7], [0, 300]), true, 3, true).every(Number.isInteger)).toBe(true);
  });

  it("read well", () => {
    expect([0, 0.25, 1e-8, 50000, 1234567, -3, 0.0000624].map(shown)).toEqual(["0", "0.25", "10⁻⁸", "50k", "1230k", "−3", "6.2·10⁻⁵"]);
  });
});

it("a quotient is what gives the dividend back, and there is none by zero", () => {
  for (let a = 0; a < 7; a++) for (let b = 1; b < 7; b++) expect((answer("divide", a, b, 7) * b) % 7).toBe(a);
  expect([0, 3].map((a) => answer("divide", a, 0, 7))).toEqual([NaN, NaN]);
});

describe("a network in the page", () => {
  it("splits all pairs once", () => {
    const { train, test } = split(11, 0.4, 5);
    const all = [...train.label.keys()].map((i) => `${train.a[i]},${train.b[i]}`).concat([...test.label.keys()].map((i) => `${test.a[i]},${test.b[i]}`));
    expect(new Set(all).size).toBe(66);
    expect(train.label.length).toBe(26);
    expect(split(11, 0.4, 5)).toEqual({ train, test });
    expect(split(11, 0.4, 6).train).not.toEqual(train);
  });

  it("memorises its rows", () => {
    const settings = { ...DEFAULTS, p: 11, hidden: 16, embed: 24, seed: 1 };
    const network = new Network(settings, initial(settings));
    const { train } = split(settings.p, 0.4, 1);
    const before = network.evaluate(train);
    for (let step = 0; step < 300; step++) network.train(train);
    const after = network.evaluate(train);
    expect(before.accuracy).toBeLessThan(0.5);
    expect(after.accuracy).toBe(1);
    expect(after.loss).toBeLessThan(before.loss / 10);
  });
});

describe("a model in the web page", () => {
  const source = (packs: Record<string, ArrayBuffer>) =>
    ({ pack: async (_run: string, name: string) => { if (!packs[name]) throw new Error(`no ${name}`); return packs[name]; } }) as any;

  it("tells of changes once and of nothing new", () => {
    const model = new WebModel(source({}), { step: 1 });
    const told: string[] = [];
    model.on("change:step", () => told.push("step"));
    model.set("step", 1);
    model.set("step", 2);
    expect(told).toEqual(["step"]);
  });

  it("passes on that a pack is not there", async () => {
    const model = new WebModel(source({}), { document: { id: "x", packs: ["curves"] } });
    const packs = new Packs(model);
    expect(packs.has("curves")).toBe(true);
    expect(packs.has("tables-0")).toBe(false);
    await expect(packs.get("curves")).rejects.toThrow("no curves");
  });

  // A run moved on while a pack was on its way: what comes is of before, and says nothing of what is asked now.
  it("answers what was asked after a run moved on with what was read after that", async () => {
    const asked: ((content: object, buffers: ArrayBuffer[]) => void)[] = [];
    let receive = (_content: object, _buffers: ArrayBuffer[]) => {};
    const model = { get: () => ({ packs: ["curves"] }), on: (_: string, f: typeof receive) => (receive = f), off: () => {}, send: () => asked.push(receive) };
    const bytes = (stamp: number) => {
      const header = new TextEncoder().encode(JSON.stringify({ __metadata__: { document: JSON.stringify({ stamp }) } }));
      const whole = new Uint8Array(8 + header.length);
      new DataView(whole.buffer).setBigUint64(0, BigInt(header.length), true);
      whole.set(header, 8);
      return whole.buffer;
    };
    const packs = new Packs(model as any);
    const early = packs.get("curves");
    packs.forget();
    const late = packs.get("curves");
    receive({ have: "curves" }, [bytes(1)]);
    expect((await early).document.stamp).toBe(1);
    receive({ have: "curves" }, [bytes(2)]);
    expect((await late).document.stamp).toBe(2);
    expect(asked.length).toBe(2);
    expect(await packs.get("curves")).toBe(await late);
  });
});

it("views of one page, each with a copy of the code, never give the same id twice", async () => {
  const copy = async () => {
    vi.resetModules();
    return (await import("../src/draw/dom")).uniqueId;
  };
  const [one, other] = [await copy(), await copy()];
  expect(one).not.toBe(other);
  expect(new Set([one("number"), other("number"), one("number"), other("number")]).size).toBe(4);
});
