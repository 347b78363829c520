// The page's forward pass against numbers of the Python decoder (tests/view/decoders.py writes them).
import { describe, expect, it } from "vitest";
import { parsePack, type Pack } from "../src/data/safetensors";
import { erf } from "../src/math/activations";
import { Decoder, type Rows, type Settings } from "../src/math/decoder";
import { Matrix } from "../src/math/product";
import numbers from "./numbers.json";

const CLOSE = 2e-6; // erf is good to 1.5e-7; everything else is float64 on both sides

function far(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  expect(ours.length).toBe(theirs.length);
  return Array.from(theirs).reduce((most, value, i) => Math.max(most, Math.abs(ours[i]! - value) / Math.max(1, Math.abs(value))), 0);
}

for (const one of numbers.decoders)
  describe(`the decoder of ${one.name}`, () => {
    const pack: Pack = parsePack(Uint8Array.from(atob(one.pack), (c) => c.charCodeAt(0)).buffer);
    const settings = pack.document.settings as Settings;
    const places = one.positions.length;
    const network = (changes: Partial<Settings> = {}) => Decoder.fromPack(pack, 1, { ...settings, ...changes });
    const inputs = settings.d_vocab ? { symbols: one.inputs } : { vectors: one.inputs };
    const grouped: Rows = { places, ...inputs, positions: one.positions, from: one.from, shared: one.shared };

    it("has Python's outputs and states for a row", () => {
      const net = network();
      expect(far(net.outputs({ places, ...inputs }), one.outputs)).toBeLessThan(CLOSE);
      expect(far(net.states({ places, ...inputs }).subarray(0, places * settings.d_model), one.states)).toBeLessThan(CLOSE);
    });

    it("has Python's outputs for rows behind a shared context, wherever they are read", () => {
      const net = network();
      expect(far(net.outputs(grouped), one.grouped)).toBeLessThan(CLOSE);
      const out = settings.n_outputs;
      const asked = [9, 4];
      expect(far(net.outputs(grouped, asked), asked.flatMap((p) => one.grouped.slice(p * out, (p + 1) * out)))).toBeLessThan(CLOSE);
    });

    it("keeps nothing of the call before", () => {
      const net = network();
      net.outputs({ places: 2, ...inputs });
      net.outputs(grouped);
      expect(far(net.outputs({ places, ...inputs }), one.outputs)).toBeLessThan(CLOSE);
    });

    it("would be caught with other settings, an untrained snapshot, or places that see too much", () => {
      const wrong = [
        network({ act_fn: settings.act_fn === "relu" ? "gelu" : "relu" }).outputs({ places, ...inputs }),
        Decoder.fromPack(pack, 0, settings).outputs({ places, ...inputs }),
        network().outputs({ ...grouped, from: undefined! }),
      ];
      expect(far(wrong[0]!, one.outputs)).toBeGreaterThan(1e-3);
      expect(far(wrong[1]!, one.outputs)).toBeGreaterThan(1e-3);
      expect(far(wrong[2]!, one.grouped)).toBeGreaterThan(1e-3);
      if (settings.positions !== "none") expect(far(network().outputs({ ...grouped, positions: undefined! }), one.grouped)).toBeGreaterThan(1e-3);
    });

    it("names what is missing or out of range", () => {
      expect(() => new Decoder(settings, {})).toThrow("The pack has no weights named");
      if (settings.d_vocab) expect(() => network().outputs({ places: 1, symbols: [99] })).toThrow("Symbol 99 at place 0");
      if (settings.positions === "learned")
        expect(() => network().outputs({ places: 1, ...inputs, positions: [12] })).toThrow("learned positions 0 to 11");
    });
  });

describe("products", () => {
  for (const [count, rows, columns] of [[1, 1, 1], [3, 5, 7], [8, 4, 4], [5, 3, 2]] as const)
    it(`of ${count} rows with a matrix of ${rows} by ${columns}`, () => {
      const x = Float64Array.from({ length: count * rows }, (_, i) => Math.sin(i + 1));
      const w = Float32Array.from({ length: rows * columns }, (_, i) => Math.cos(2 * i));
      const bias = Float32Array.from({ length: columns }, (_, i) => i / 8);
      const slow = Array.from({ length: count * columns }, (_, n) => {
        const [row, column] = [Math.floor(n / columns), n % columns];
        return bias[column]! + Array.from({ length: rows }, (_, k) => x[row * rows + k]! * w[k * columns + column]!).reduce((a, b) => a + b);
      });
      const out = new Float64Array(count * columns);
      const matrix = new Matrix(rows, columns, w);
      matrix.times(x, count, out, bias);
      expect(far(out, slow)).toBeLessThan(1e-12);
      matrix.times(x, count, out, null, true);
      expect(far(out, slow.map((v, n) => 2 * v - bias[n % columns]!))).toBeLessThan(1e-12);
    });
});

it("erf is the error function", () => {
  for (const [x, value] of [[0, 0], [0.5, 0.5204998778], [-1, -0.8427007929], [2, 0.9953222650], [6, 1]] as const) expect(Math.abs(erf(x) - value)).toBeLessThan(2e-7);
});
