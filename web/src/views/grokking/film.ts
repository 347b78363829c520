// Tables of an additive network over training: from a run's pack, from a live training, or written down.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { groupNeurons, type Groups } from "../../math/neurons";
import type { Activation, Additive } from "../../math/additive";

export class Film {
  readonly steps: number[] = [];
  private readonly nets: Additive[] = [];
  private grouped: { length: number; groups: Groups } | null = null;

  constructor(
    readonly p: number,
    readonly neurons: number,
    readonly operation = "add",
    readonly circle: number | null = null,
  ) {}

  static fromPack(pack: Pack): Film {
    const { p, neurons, activation, operation, circle } = pack.document;
    const film = new Film(p, neurons, operation, circle);
    const size = p * neurons;
    const cut = (name: string, i: number, length: number) =>
      (pack.arrays[name]?.data as Float32Array | undefined)?.subarray(i * length, (i + 1) * length);
    pack.arrays.steps!.data.forEach((step, i) => {
      const first = cut("first", i, size)!;
      film.add(step, {
        p,
        neurons,
        first,
        second: cut("second", i, size) ?? first,
        out: cut("out", i, size)!,
        bias: cut("bias", i, neurons),
        activation: activation as Activation,
      });
    });
    return film;
  }

  get length(): number {
    return this.steps.length;
  }

  add(step: number, net: Additive): void {
    this.steps.push(step);
    this.nets.push(net);
  }

  net(frame: number): Additive {
    return this.nets[frame]!;
  }

  // The snapshot that is shown for a step: the last one not after it.
  frameAt(step: number): number {
    return frameAt(this.steps, step);
  }

  // Frequencies and phases at the end: they sort the neurons in every picture.
  groups(): Groups {
    if (this.grouped?.length !== this.length)
      this.grouped = { length: this.length, groups: groupNeurons(this.nets.at(-1)!.first, this.p, this.neurons) };
    return this.grouped.groups;
  }

  // Counted neurons of a frequency in the order of their input phase.
  membersOf(frequency: number): number[] {
    const { order, live, frequency: own } = this.groups();
    return order.filter((n) => live[n] && own[n] === frequency);
  }

  // The largest weight at the end, for colour scales that stay put while one scrubs.
  top(table: "first" | "out"): number {
    const values = this.nets.at(-1)![table];
    let top = 0;
    for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i]!));
    return top || 1;
  }
}
