// Which frequency and phase each neuron has, and how neurons group: latebloom.instruments.neurons with rule "pair_norm".
import { power, transform } from "./fourier";

export const PAGE_THRESHOLD = 10;

export interface Groups {
  frequency: Int32Array; // [neuron], 1 .. floor(p / 2)
  phase: Float64Array; // [neuron], radians
  live: Uint8Array; // [neuron], 1 where the neuron belongs to a counted group
  order: number[]; // neurons by (frequency, phase)
  main: number[]; // frequencies with counted neurons, in order; at most `MOST`, those with most energy
}

export const MOST = 6;

export function groupNeurons(table: ArrayLike<number>, p: number, neurons: number): Groups {
  const coefficients = transform(table, p, neurons);
  const energy = power(coefficients, p, neurons);
  const count = Math.floor(p / 2);
  const frequency = new Int32Array(neurons);
  const phase = new Float64Array(neurons);
  const largest = new Float64Array(neurons);
  for (let n = 0; n < neurons; n++) {
    let best = 0;
    for (let k = 1; k < count; k++) if (energy[k * neurons + n]! > energy[best * neurons + n]!) best = k;
    frequency[n] = best + 1;
    const cosine = coefficients[(2 * best + 1) * neurons + n]!;
    const sine = 2 * (best + 1) < p ? coefficients[(2 * best + 2) * neurons + n]! : 0;
    phase[n] = Math.atan2(sine, cosine);
    for (let row = 1; row < p; row++) largest[n] = Math.max(largest[n]!, Math.abs(coefficients[row * neurons + n]!));
  }
  // Written-down solutions are smaller than trained ones: the threshold is at most a quarter of the largest.
  const threshold = Math.min(PAGE_THRESHOLD, Math.max(...largest) / 4);
  const live = Uint8Array.from(largest, (value) => (value > threshold ? 1 : 0));
  const order = Array.from({ length: neurons }, (_, n) => n).sort(
    (a, b) => frequency[a]! - frequency[b]! || phase[a]! - phase[b]! || a - b,
  );
  return { frequency, phase, live, order, main: mainFrequencies(energy, frequency, live, neurons) };
}

function mainFrequencies(energy: Float64Array, frequency: Int32Array, live: Uint8Array, neurons: number): number[] {
  const weight = new Map<number, number>();
  for (let n = 0; n < neurons; n++) {
    if (!live[n]) continue;
    const k = frequency[n]!;
    weight.set(k, (weight.get(k) ?? 0) + energy[(k - 1) * neurons + n]!);
  }
  return [...weight.entries()]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST)
    .map(([k]) => k)
    .sort((a, b) => a - b);
}
