// The hidden activations of `latebloom.models.base.activate`, in place over the first `count` numbers.

export type Activation = "relu" | "gelu" | "gelu_new";

export const ACTIVATIONS: Record<Activation, (x: Float64Array, count: number) => void> = {
  relu(x, count) {
    for (let i = 0; i < count; i++) if (x[i]! < 0) x[i] = 0;
  },
  gelu(x, count) {
    for (let i = 0; i < count; i++) x[i] = 0.5 * x[i]! * (1 + erf(x[i]! * Math.SQRT1_2));
  },
  // GPT-2's approximation by a hyperbolic tangent.
  gelu_new(x, count) {
    const scale = Math.sqrt(2 / Math.PI);
    for (let i = 0; i < count; i++) {
      const v = x[i]!;
      x[i] = 0.5 * v * (1 + Math.tanh(scale * (v + 0.044715 * v * v * v)));
    }
  },
};

// The error function within 1.5e-7 (Abramowitz and Stegun, 7.1.26): what float32 can tell apart.
export function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const found = 1 - tail * Math.exp(-x * x);
  return x < 0 ? -found : found;
}
