// The front end's arithmetic against numbers of our Python (tests/view/numbers.py writes them).
import { describe, expect, it } from "vitest";
import { parsePack } from "../src/data/safetensors";
import { answer, argmax, hidden, logits } from "../src/math/additive";
import { circleSolution, wholeTable } from "../src/math/constructed";
import { power, transform } from "../src/math/fourier";
import { groupNeurons } from "../src/math/neurons";
import { ratioLabel, timeLabel } from "../src/math/outcome";
import { Network } from "../src/math/train";
import numbers from "./numbers.json";

function near(ours: ArrayLike<number>, theirs: ArrayLike<number>, tolerance = 1e-8): void {
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < theirs.length; i++) expect(Math.abs(ours[i]! - theirs[i]!)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(theirs[i]!)));
}

const time = (value: number | string): number => (value === "inf" ? Infinity : Number(value));

it("a comparison notices a wrong number and a missing one", () => {
  expect(() => near([1, 2], [1, 2.001])).toThrow();
  expect(() => near([1], [1, 2])).toThrow();
});

describe("Fourier", () => {
  for (const { p, table, coefficients, power: energy } of numbers.fourier)
    it(`gives Python's coefficients for p = ${p}`, () => {
      near(transform(table, p, 3), coefficients);
      near(power(coefficients, p, 3), energy);
    });
});

describe("circles", () => {
  const { p, neurons, frequencies, rotation, pair } = numbers.circle;
  const net = circleSolution(p, neurons, frequencies, "relu", rotation);

  it("are Python's tables", () => {
    near(net.first, numbers.circle.first);
    near(net.out, numbers.circle.out);
  });

  it("group by frequency and phase as in Python", () => {
    const groups = groupNeurons(net.first, p, net.neurons);
    expect([...groups.frequency]).toEqual(numbers.circle.frequency);
    near(groups.phase, numbers.circle.phase, 1e-7);
    expect(groups.order).toEqual(numbers.circle.order);
    expect(groups.main).toEqual(frequencies);
  });

  it("give Python's logits, and groups add up to all", () => {
    const activations = hidden(net, pair[0]!, pair[1]!);
    const all = logits(net, activations);
    near(all, numbers.circle.logits);
    const parts = [0, 1].map((group) => logits(net, activations, (n) => Math.floor(n / neurons) === group));
    near(parts[0]!.map((value, i) => value + parts[1]![i]!), all);
    expect(argmax(all)).toBe(answer("add", pair[0]!, pair[1]!, p));
  });

  for (const row of numbers.constructed)
    it(`answer as many pairs as in Python: p = ${row.p}, ${row.neurons} neurons, ${row.activation}`, () => {
      const found = wholeTable(circleSolution(row.p, row.neurons, [1], row.activation as "relu" | "square"), 1);
      expect(found.accuracy).toBeCloseTo(row.accuracy, 10);
      expect(found.undecided).toBeCloseTo(row.undecided, 10);
      expect(Math.max(...Array.from(found.errors, (e) => (Number.isNaN(e) ? 0 : Math.abs(e))))).toBeCloseTo(row.largest, 6);
    });

  it("are right where the sheet says: 5 neurons up to p = 117, not at 119", () => {
    expect(wholeTable(circleSolution(117, 5, [1], "relu"), 1).accuracy).toBe(1);
    expect(wholeTable(circleSolution(119, 5, [1], "relu"), 1).accuracy).toBeCloseTo(0.933, 3);
  });
});

describe("outcomes", () => {
  const { min_train, min_test, max_ratio, ratio, t_mem, t_gen, time: byTime } = numbers.outcomes;

  it("are Python's at every threshold of the ratio rule", () => {
    for (const { loss, ratio: threshold, labels } of ratio)
      expect(min_train.map((low, i) => ratioLabel(low, min_test[i]!, time(max_ratio[i]!), loss, threshold))).toEqual(labels);
    expect(new Set(ratio.map(({ labels }) => labels.join())).size).toBeGreaterThan(1);
  });

  it("are Python's at every delay of the time rule", () => {
    const given = byTime["1000"];
    for (const [delay, labels] of Object.entries(byTime))
      expect(given.map((label, i) => timeLabel(label, time(t_mem[i]!), time(t_gen[i]!), Number(delay)))).toEqual(labels);
    expect(given).not.toEqual(byTime["5500"]);
  });
});

describe("training", () => {
  const { settings, before, train, test, loss, gradient, after, test_loss, test_accuracy } = numbers.training;
  const rows = (set: typeof train) => ({ a: Int32Array.from(set.a), b: Int32Array.from(set.b), label: Int32Array.from(set.label) });
  const fresh = () =>
    new Network(settings, { E: Float32Array.from(before.W_E), A: Float32Array.from(before.W_in), B: Float32Array.from(before.W_out) });

  it("has Python's loss and gradient", () => {
    const found = fresh().gradients(rows(train));
    expect(found.loss).toBeCloseTo(loss, 6);
    near(found.gradient.E, gradient.W_E, 1e-6);
    near(found.gradient.A, gradient.W_in, 1e-6);
    near(found.gradient.B, gradient.W_out, 1e-6);
  });

  it("takes Python's ten steps", () => {
    const network = fresh();
    for (let step = 0; step < 10; step++) network.train(rows(train));
    near(network.parameters.E, after.W_E, 1e-5);
    near(network.parameters.A, after.W_in, 1e-5);
    near(network.parameters.B, after.W_out, 1e-5);
    const { loss: tested, accuracy } = network.evaluate(rows(test));
    expect(tested).toBeCloseTo(test_loss, 4);
    expect(accuracy).toBeCloseTo(test_accuracy, 10);
  });

  it("would notice another decay", () => {
    const network = new Network({ ...settings, weightDecay: 0 }, fresh().parameters);
    for (let step = 0; step < 10; step++) network.train(rows(train));
    expect(() => near(network.parameters.E, after.W_E, 1e-5)).toThrow();
  });
});

describe("packs", () => {
  const bytes = Uint8Array.from(atob(numbers.pack), (c) => c.charCodeAt(0));

  it("are read as Python wrote them", () => {
    const { document, arrays } = parsePack(bytes.slice().buffer);
    expect(document).toEqual({ p: 5, word: "Fourier é" });
    expect(arrays.half!.shape).toEqual([2, 2]);
    near(arrays.half!.data, [0.5, -2.25, 65504, 5.960464477539063e-8]);
    expect([...arrays.single!.data]).toEqual([1.5, NaN, Infinity]);
    expect(arrays.double!.data[0]).toBe(Math.PI);
    expect([...arrays.steps!.data]).toEqual([0, 100, 2000000]);
    expect([...arrays.bytes!.data]).toEqual([0, 255]);
  });

  it("that were cut off are refused", () => {
    expect(() => parsePack(bytes.slice(0, bytes.length - 3).buffer)).toThrow("cut off");
    expect(() => parsePack(bytes.slice(0, 20).buffer)).toThrow("cut off");
    expect(() => parsePack(new ArrayBuffer(3))).toThrow("too short");
  });
});
