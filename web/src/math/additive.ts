// The additive network: logits(a, b) = act(first[a] + second[b] + bias) @ out.T, tables [p, neuron], row-major.

export type Activation = "relu" | "square";

export interface Additive {
  p: number;
  neurons: number;
  first: ArrayLike<number>;
  second: ArrayLike<number>;
  out: ArrayLike<number>;
  bias?: ArrayLike<number> | undefined;
  activation: Activation;
}

export const OPERATIONS: Record<string, (a: number, b: number, p: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b, p) => {
    if (b === 0) return NaN; // not even 0 / 0: every residue would be right
    for (let c = 0; c < p; c++) if ((c * b) % p === a) return c;
    return NaN;
  },
  square_sum: (a, b) => a * a + a * b + b * b,
  cubic: (a, b) => a * a * a + a * b * b + a,
};

export function answer(operation: string, a: number, b: number, p: number): number {
  const value = OPERATIONS[operation]!(a, b, p);
  return ((value % p) + p) % p;
}

export function hidden(net: Additive, a: number, b: number, out?: Float64Array): Float64Array {
  const { neurons } = net;
  const values = out ?? new Float64Array(neurons);
  for (let n = 0; n < neurons; n++) {
    const pre = net.first[a * neurons + n]! + net.second[b * neurons + n]! + (net.bias ? net.bias[n]! : 0);
    values[n] = net.activation === "square" ? pre * pre : Math.max(0, pre);
  }
  return values;
}

// Logits [p] from the neurons that `chosen` admits; all of them without it.
export function logits(net: Additive, activations: Float64Array, chosen?: (neuron: number) => boolean): Float64Array {
  const result = new Float64Array(net.p);
  for (let n = 0; n < net.neurons; n++) {
    const value = activations[n]!;
    if (value === 0 || (chosen && !chosen(n))) continue;
    for (let c = 0; c < net.p; c++) result[c]! += value * net.out[c * net.neurons + n]!;
  }
  return result;
}

export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
