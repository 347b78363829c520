// The explorable's network, trained in the page: logits = ReLU(E[a] A + E[b] A) B E^T, cross-entropy, AdamW, full batch.
//
// The same arithmetic as latebloom.models.ModularMLP with its adamw; tests compare gradients and steps with Python's numbers.
import { random } from "./random";

export interface Settings {
  p: number;
  hidden: number;
  embed: number;
  lr: number;
  weightDecay: number;
  fraction: number;
  seed: number;
}

export const DEFAULTS: Settings = { p: 31, hidden: 24, embed: 48, lr: 2e-2, weightDecay: 1, fraction: 0.5, seed: 3 };

export interface Rows {
  a: Int32Array;
  b: Int32Array;
  label: Int32Array;
}

export interface Parameters {
  E: Float32Array; // [p, embed]
  A: Float32Array; // [embed, hidden]
  B: Float32Array; // [hidden, embed]
}

const NAMES = ["E", "A", "B"] as const;
const [BETA1, BETA2, EPSILON] = [0.9, 0.98, 1e-8];

// All pairs a <= b, a random share of them to train on.
export function split(p: number, fraction: number, seed: number): { train: Rows; test: Rows } {
  const pairs: [number, number][] = [];
  for (let a = 0; a < p; a++) for (let b = a; b < p; b++) pairs.push([a, b]);
  const order = random(seed * 2 + 1).permutation(pairs.length);
  const count = Math.max(1, Math.floor(fraction * pairs.length));
  const rows = (chosen: Int32Array): Rows => ({
    a: Int32Array.from(chosen, (i) => pairs[i]![0]),
    b: Int32Array.from(chosen, (i) => pairs[i]![1]),
    label: Int32Array.from(chosen, (i) => (pairs[i]![0] + pairs[i]![1]) % p),
  });
  return { train: rows(order.subarray(0, count)), test: rows(order.subarray(count)) };
}

// Truncated normals: E of variance 2 / p, A and B of std 1 / sqrt(fan in), not corrected for the cut.
export function initial({ p, hidden, embed, seed }: Settings): Parameters {
  const source = random(seed * 2);
  const truncated = (length: number, std: number) =>
    Float32Array.from({ length }, () => {
      let value = source.normal();
      while (Math.abs(value) > 2) value = source.normal();
      return value * std;
    });
  return {
    E: truncated(p * embed, Math.sqrt(2 / p) / 0.87962566),
    A: truncated(embed * hidden, 1 / Math.sqrt(embed)),
    B: truncated(hidden * embed, 1 / Math.sqrt(hidden)),
  };
}

export class Network {
  step = 0;
  readonly first: Float32Array; // [p, hidden], E A
  readonly out: Float32Array; // [p, hidden], (B E^T)^T
  private readonly dFirst: Float32Array;
  private readonly dOut: Float32Array;
  private readonly gradient: Parameters;
  private readonly m: Parameters;
  private readonly v: Parameters;
  private readonly activations: Float32Array;
  private readonly logits: Float32Array;

  constructor(
    readonly settings: Settings,
    readonly parameters: Parameters,
  ) {
    const { p, hidden } = settings;
    const zeros = (): Parameters => ({
      E: new Float32Array(parameters.E.length),
      A: new Float32Array(parameters.A.length),
      B: new Float32Array(parameters.B.length),
    });
    [this.first, this.out, this.dFirst, this.dOut] = [0, 0, 0, 0].map(() => new Float32Array(p * hidden)) as [
      Float32Array<ArrayBuffer>,
      Float32Array<ArrayBuffer>,
      Float32Array<ArrayBuffer>,
      Float32Array<ArrayBuffer>,
    ];
    [this.gradient, this.m, this.v] = [zeros(), zeros(), zeros()];
    this.activations = new Float32Array(hidden);
    this.logits = new Float32Array(p);
    this.collapse();
  }

  // Forms the two tables from their factors.
  collapse(): void {
    const { p, hidden, embed } = this.settings;
    const { E, A, B } = this.parameters;
    this.first.fill(0);
    for (let j = 0; j < p; j++)
      for (let d = 0; d < embed; d++) {
        const e = E[j * embed + d]!;
        for (let n = 0; n < hidden; n++) this.first[j * hidden + n]! += e * A[d * hidden + n]!;
      }
    for (let c = 0; c < p; c++)
      for (let n = 0; n < hidden; n++) {
        let sum = 0;
        for (let d = 0; d < embed; d++) sum += E[c * embed + d]! * B[n * embed + d]!;
        this.out[c * hidden + n] = sum;
      }
  }

  // Mean cross-entropy in nats, and accuracy, of the tables as they are.
  evaluate(rows: Rows): { loss: number; accuracy: number } {
    let loss = 0;
    let right = 0;
    for (let i = 0; i < rows.label.length; i++) {
      const { total, best } = this.forward(rows, i);
      loss += Math.log(total) - this.logits[rows.label[i]!]!;
      if (best === rows.label[i]) right++;
    }
    return { loss: loss / rows.label.length, accuracy: right / rows.label.length };
  }

  // Logits of one row, less their largest: `logits`; returns the sum of their exponentials and the best class.
  private forward(rows: Rows, i: number): { total: number; best: number } {
    const { p, hidden } = this.settings;
    const { first, out, activations, logits } = this;
    const [a, b] = [rows.a[i]! * hidden, rows.b[i]! * hidden];
    for (let n = 0; n < hidden; n++) {
      const pre = first[a + n]! + first[b + n]!;
      activations[n] = pre > 0 ? pre : 0;
    }
    let best = 0;
    for (let c = 0, at = 0; c < p; c++, at += hidden) {
      let sum = 0;
      for (let n = 0; n < hidden; n++) sum += activations[n]! * out[at + n]!;
      logits[c] = sum;
      if (sum > logits[best]!) best = c;
    }
    const top = logits[best]!;
    let total = 0;
    for (let c = 0; c < p; c++) {
      logits[c]! -= top;
      total += Math.exp(logits[c]!);
    }
    return { total, best };
  }

  // Gradient of the mean cross-entropy by E, A and B; returns the loss before the update.
  gradients(rows: Rows): { loss: number; gradient: Parameters } {
    const { p, hidden, embed } = this.settings;
    const { first, out, dFirst, dOut, activations, logits } = this;
    const count = rows.label.length;
    const dHidden = new Float32Array(hidden);
    dFirst.fill(0);
    dOut.fill(0);
    let loss = 0;
    for (let i = 0; i < count; i++) {
      const { total } = this.forward(rows, i);
      const label = rows.label[i]!;
      loss += Math.log(total) - logits[label]!;
      dHidden.fill(0);
      for (let c = 0, at = 0; c < p; c++, at += hidden) {
        const d = (Math.exp(logits[c]!) / total - (c === label ? 1 : 0)) / count;
        if (Math.abs(d) < 1e-12) continue; // most classes, once the rows are known
        for (let n = 0; n < hidden; n++) {
          dOut[at + n]! += d * activations[n]!;
          dHidden[n]! += d * out[at + n]!;
        }
      }
      const [a, b] = [rows.a[i]! * hidden, rows.b[i]! * hidden];
      for (let n = 0; n < hidden; n++) {
        if (first[a + n]! + first[b + n]! <= 0) continue;
        dFirst[a + n]! += dHidden[n]!;
        dFirst[b + n]! += dHidden[n]!;
      }
    }
    this.throughFactors(p, hidden, embed);
    return { loss: loss / count, gradient: this.gradient };
  }

  // From the gradients of the tables to those of E, A and B.
  private throughFactors(p: number, hidden: number, embed: number): void {
    const { E, A, B } = this.parameters;
    const { gradient, dFirst, dOut } = this;
    NAMES.forEach((name) => gradient[name].fill(0));
    for (let j = 0; j < p; j++)
      for (let d = 0; d < embed; d++) {
        const e = E[j * embed + d]!;
        let sum = 0;
        for (let n = 0; n < hidden; n++) {
          const df = dFirst[j * hidden + n]!;
          gradient.A[d * hidden + n]! += e * df;
          sum += df * A[d * hidden + n]!;
        }
        gradient.E[j * embed + d] = sum;
      }
    for (let c = 0; c < p; c++)
      for (let n = 0; n < hidden; n++) {
        const d = dOut[c * hidden + n]!;
        for (let k = 0; k < embed; k++) {
          gradient.E[c * embed + k]! += d * B[n * embed + k]!;
          gradient.B[n * embed + k]! += d * E[c * embed + k]!;
        }
      }
  }

  // One step of AdamW: decay decoupled (Loshchilov & Hutter 2019, algorithm 2). Returns the loss before it.
  train(rows: Rows): number {
    const { loss, gradient } = this.gradients(rows);
    const { lr, weightDecay } = this.settings;
    this.step++;
    const [c1, c2] = [1 - BETA1 ** this.step, Math.sqrt(1 - BETA2 ** this.step)];
    for (const name of NAMES) {
      const [w, g, m, v] = [this.parameters[name], gradient[name], this.m[name], this.v[name]];
      for (let i = 0; i < w.length; i++) {
        m[i] = BETA1 * m[i]! + (1 - BETA1) * g[i]!;
        v[i] = BETA2 * v[i]! + (1 - BETA2) * g[i]! * g[i]!;
        w[i] = w[i]! * (1 - lr * weightDecay) - ((lr / c1) * m[i]!) / (Math.sqrt(v[i]!) / c2 + EPSILON);
      }
    }
    this.collapse();
    return loss;
  }
}
