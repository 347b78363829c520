// One circle read in N directions (the explorable's appendix; latebloom.models.constructed.CircleSolution).
import { hidden, logits, type Activation, type Additive } from "./additive";

export function circleSolution(
  p: number,
  neurons: number,
  frequencies: number[],
  activation: Activation,
  rotation = 0,
): Additive {
  const width = neurons * frequencies.length;
  const first = new Float64Array(p * width);
  const out = new Float64Array(p * width);
  for (let j = 0; j < p; j++) {
    frequencies.forEach((frequency, group) => {
      const omega = (2 * Math.PI * ((frequency * j) % p)) / p;
      for (let i = 0; i < neurons; i++) {
        const direction = (2 * Math.PI * i) / neurons + rotation;
        first[j * width + group * neurons + i] = Math.cos(omega - direction);
        out[j * width + group * neurons + i] = Math.cos(omega - 2 * direction);
      }
    });
  }
  return { p, neurons: width, first, second: first, out, activation };
}

export interface WholeTable {
  accuracy: number; // over all p * p pairs; a pair whose best logit is shared counts as undecided, not as right
  undecided: number; // share of pairs without one best class
  errors: Float64Array; // [p]: output - target in tokens along the first frequency, worst pair of each target; NaN: none
}

// Answers for every pair. For one frequency the answer depends on where the output point lies, so errors come along.
export function wholeTable(net: Additive, frequency: number): WholeTable {
  const { p } = net;
  const activations = new Float64Array(net.neurons);
  const errors = new Float64Array(p).fill(NaN);
  let right = 0;
  let undecided = 0;
  for (let a = 0; a < p; a++) {
    for (let b = 0; b < p; b++) {
      const values = logits(net, hidden(net, a, b, activations));
      const target = (a + b) % p;
      const [best, second, at] = topTwo(values);
      const scale = Math.max(Math.abs(best), 1e-300);
      if (best - second <= 1e-9 * Math.max(scale, 1e-6)) undecided++;
      else if (at === target) right++;
      const error = tokenError(values, frequency, target);
      if (!Number.isNaN(error) && !(Math.abs(error) <= Math.abs(errors[target]!))) errors[target] = error;
    }
  }
  return { accuracy: right / (p * p), undecided: undecided / (p * p), errors };
}

function topTwo(values: Float64Array): [number, number, number] {
  let best = -Infinity;
  let second = -Infinity;
  let at = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > best) [best, second, at] = [values[i]!, best, i];
    else if (values[i]! > second) second = values[i]!;
  }
  return [best, second, at];
}

// Where the wave of one frequency in the logits points: [x, y].
export function outputPoint(values: Float64Array, frequency: number): [number, number] {
  const p = values.length;
  let x = 0;
  let y = 0;
  for (let c = 0; c < p; c++) {
    const angle = (2 * Math.PI * ((frequency * c) % p)) / p;
    x += values[c]! * Math.cos(angle);
    y += values[c]! * Math.sin(angle);
  }
  return [(2 * x) / p, (2 * y) / p];
}

// Output direction minus target direction, in tokens of that frequency's circle, in (-p/2, p/2]; NaN at the origin.
export function tokenError(values: Float64Array, frequency: number, target: number): number {
  const p = values.length;
  const [x, y] = outputPoint(values, frequency);
  if (Math.hypot(x, y) < 1e-10) return NaN;
  const turns = Math.atan2(y, x) / (2 * Math.PI) - ((frequency * target) % p) / p;
  return (turns - Math.round(turns)) * p;
}
