// One member's products over training, from its pack, and what the page computes with them.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { compress, tokensOf, type Stack } from "../../math/linear_attention";

const MOST_WORK = 4e7; // multiplications of one run over all sequences: a slider must keep up

export class NetworkFilm {
  readonly layers: number;
  readonly heads: number;
  readonly size: number;
  readonly width: number;
  readonly states: Float64Array[] = []; // of each sequence [pos + 1, width]
  readonly tokens: Float64Array[] = [];
  private readonly kept = new Map<number, Stack>();

  constructor(readonly pack: Pack) {
    const { layers, heads, width, tokens } = pack.document;
    [this.layers, this.heads, this.width] = [layers, heads, width];
    this.size = pack.arrays.qk!.shape[4]!;
    const [count, places] = pack.arrays.states!.shape as [number, number, number];
    const work = (places - 1) * layers * heads * (2 * this.size ** 2 + places * this.size);
    const rows = Math.max(4, Math.min(count, Math.floor(MOST_WORK / work)));
    for (let row = 0; row < rows; row++) {
      const length = places * width;
      const own = Float64Array.from((pack.arrays.states!.data as Float32Array).subarray(row * length, (row + 1) * length));
      this.states.push(own);
      this.tokens.push(tokensOf(own, width, tokens));
    }
  }

  get steps(): ArrayLike<number> {
    return this.pack.arrays.steps!.data;
  }

  get document(): any {
    return this.pack.document;
  }

  frame(step: number): number {
    return frameAt(this.steps, step);
  }

  product(kind: "qk" | "ov", frame: number, layer: number, head: number): Float64Array {
    const length = this.size ** 2;
    const at = ((frame * this.layers + layer) * this.heads + head) * length;
    const scale = this.pack.arrays[`${kind}_scale`]!.data[frame * this.layers + layer]!;
    return Float64Array.from((this.pack.arrays[kind]!.data as Float32Array).subarray(at, at + length), (value) => scale * value);
  }

  // The largest weight of a layer at the end: colours stay put while one scrubs.
  top(kind: "qk" | "ov", layer: number): number {
    return this.pack.arrays[`${kind}_scale`]!.data[(this.steps.length - 1) * this.layers + layer]! || 1;
  }

  stack(frame: number): Stack {
    let found = this.kept.get(frame);
    if (!found) {
      const all = (kind: "qk" | "ov", layer: number) => Array.from({ length: this.heads }, (_, head) => this.product(kind, frame, layer, head));
      found = {
        size: this.size,
        width: this.width,
        clip: this.document.clip,
        layers: Array.from({ length: this.layers }, (_, layer) => ({ qk: all("qk", layer), ov: all("ov", layer) })),
      };
      this.kept.set(frame, found);
    }
    return found;
  }

  compressed(frame: number): Stack {
    const key = -1 - frame;
    if (!this.kept.has(key)) this.kept.set(key, compress(this.stack(frame)));
    return this.kept.get(key)!;
  }
}
