// The forward pass of `latebloom.models.Decoder` in the page: blocks of softmax attention and an MLP, LayerNorm before
// each part or after each sum, learned or sinusoidal positions, symbols or vectors. Numbers are float64 on weights that
// are float16 or float32 in the pack; src/latebloom/view/weights.py writes it and says what that costs.
import type { Pack } from "../data/safetensors";
import { ACTIVATIONS, type Activation } from "./activations";
import { Matrix } from "./product";

export interface Settings {
  n_layers: number;
  d_model: number;
  n_heads: number;
  d_head: number;
  d_mlp: number; // 0: no MLP
  act_fn: Activation;
  norm: "none" | "pre" | "post";
  positions: "none" | "learned" | "sinusoidal";
  embed_scale: boolean;
  read_out: "linear" | "tied";
  resid_clip: number | null;
  n_ctx: number;
  d_vocab: number; // 0: inputs are vectors of n_inputs numbers
  n_inputs: number;
  n_outputs: number;
}

// Places that go through the network together. A place sees the first `shared` places, and of its own row what stands
// from its `from` on: so one call holds many rows behind one context.
export interface Rows {
  places: number;
  symbols?: ArrayLike<number>; // [places]
  vectors?: ArrayLike<number>; // [places, n_inputs]
  positions?: ArrayLike<number>; // [places]; counted from 0 without it
  from?: ArrayLike<number>; // [places]; the first place behind the shared ones without it
  shared?: number; // they see themselves and those of them that came before
}

export type Weights = Record<string, Float32Array>; // by TransformerLens's names

interface Block {
  ln1: Norm | null;
  ln2: Norm | null;
  qkv: Matrix;
  qkvBias: Float32Array | null;
  out: Matrix;
  outBias: Float32Array | null;
  mlp: { in: Matrix; inBias: Float32Array | null; out: Matrix; outBias: Float32Array | null } | null;
}

interface Norm {
  w: Float32Array;
  b: Float32Array;
}

const EPSILON = 1e-5; // of LayerNorm

export class Decoder {
  private readonly blocks: Block[];
  private readonly lnFinal: Norm | null;
  private readonly unembed: Matrix;
  private readonly embed: Matrix | null; // of vectors
  // Room for so many places, kept between calls.
  private room = 0;
  private x = new Float64Array(0);
  private y = new Float64Array(0);
  private qkv = new Float64Array(0);
  private z = new Float64Array(0);
  private hidden = new Float64Array(0);
  private scores = new Float64Array(0);

  constructor(
    readonly settings: Settings,
    private readonly weights: Weights,
  ) {
    const { d_model: d, n_layers, norm, d_vocab, n_inputs, n_outputs, read_out } = settings;
    this.embed = d_vocab ? null : new Matrix(n_inputs, d, this.weight("embed.W_E"));
    this.blocks = Array.from({ length: n_layers }, (_, layer) => this.block(`blocks.${layer}.`));
    this.lnFinal = norm === "pre" ? this.norm("ln_final") : null;
    this.unembed =
      read_out === "tied"
        ? new Matrix(d, n_outputs, this.weight("embed.W_E"), (row, column) => column * d + row)
        : new Matrix(d, n_outputs, this.weight("unembed.W_U"));
  }

  // The network of one snapshot of a pack; arrays are [snapshot, ...] under `prefix`.
  static fromPack(pack: Pack, snapshot: number, settings: Settings, prefix = ""): Decoder {
    const weights: Weights = {};
    for (const [name, { shape, data }] of Object.entries(pack.arrays)) {
      if (!name.startsWith(prefix) || !name.includes(".")) continue;
      const size = data.length / shape[0]!;
      weights[name.slice(prefix.length)] = (data as Float32Array).subarray(snapshot * size, (snapshot + 1) * size);
    }
    return new Decoder(settings, weights);
  }

  // Outputs [count, n_outputs] behind the last block and the read-out, at `places` (all without it).
  outputs(rows: Rows, places?: ArrayLike<number>): Float64Array {
    const states = this.states(rows);
    const { d_model: d, n_outputs } = this.settings;
    const count = places ? places.length : rows.places;
    let read = states;
    if (places) {
      read = this.y;
      for (let i = 0; i < count; i++) read.set(states.subarray(places[i]! * d, (places[i]! + 1) * d), i * d);
    }
    const out = new Float64Array(count * n_outputs);
    this.unembed.times(read, count, out, this.weights["unembed.b_U"] ?? null);
    return out;
  }

  // What outputs are read from, [places, d_model]. The array is used again by the next call.
  states(rows: Rows): Float64Array {
    this.makeRoom(rows.places);
    this.begin(rows);
    const { norm, d_model: d, resid_clip: clip } = this.settings;
    const { places } = rows;
    const { x, y } = this;
    for (const block of this.blocks) {
      if (norm === "pre") normalise(x, y, places, d, block.ln1!);
      block.qkv.times(norm === "pre" ? y : x, places, this.qkv, block.qkvBias);
      this.attend(rows);
      block.out.times(this.z, places, x, block.outBias, true);
      if (norm === "post") normalise(x, x, places, d, block.ln1!);
      if (block.mlp) {
        if (norm === "pre") normalise(x, y, places, d, block.ln2!);
        block.mlp.in.times(norm === "pre" ? y : x, places, this.hidden, block.mlp.inBias);
        ACTIVATIONS[this.settings.act_fn](this.hidden, places * this.settings.d_mlp);
        block.mlp.out.times(this.hidden, places, x, block.mlp.outBias, true);
        if (norm === "post") normalise(x, x, places, d, block.ln2!);
      }
      if (clip !== null) for (let i = 0; i < places * d; i++) x[i] = Math.min(clip, Math.max(-clip, x[i]!));
    }
    if (!this.lnFinal) return x;
    normalise(x, y, places, d, this.lnFinal);
    x.set(y.subarray(0, places * d));
    return x;
  }

  private begin({ places, symbols, vectors, positions }: Rows): void {
    const { d_model: d, d_vocab, embed_scale, positions: kind, n_ctx } = this.settings;
    const { x } = this;
    if (this.embed) this.embed.times(Float64Array.from(vectors!), places, x, this.weights["embed.b_E"] ?? null);
    else {
      const table = this.weight("embed.W_E");
      for (let t = 0; t < places; t++) {
        const symbol = symbols![t]!;
        if (!(symbol >= 0 && symbol < d_vocab)) throw new Error(`Symbol ${symbol} at place ${t}: this network knows 0 to ${d_vocab - 1}.`);
        for (let i = 0; i < d; i++) x[t * d + i] = table[symbol * d + i]!;
      }
    }
    const scale = embed_scale ? Math.sqrt(d) : 1;
    if (embed_scale) for (let i = 0; i < places * d; i++) x[i]! *= scale;
    if (kind === "none") return;
    const learned = kind === "learned" ? this.weight("pos_embed.W_pos") : null;
    for (let t = 0; t < places; t++) {
      const place = positions ? positions[t]! : t;
      if (learned && place >= n_ctx) throw new Error(`Position ${place}: this network learned positions 0 to ${n_ctx - 1}.`);
      for (let i = 0; i < d; i++) x[t * d + i]! += learned ? learned[place * d + i]! : sinusoid(place, i, d);
    }
  }

  // Softmax attention of every place over the shared places and its own row.
  private attend({ places, from, shared = 0 }: Rows): void {
    const { n_heads, d_head } = this.settings;
    const wide = n_heads * d_head;
    const { qkv, z, scores } = this;
    const scale = 1 / Math.sqrt(d_head);
    z.fill(0, 0, places * wide);
    for (let t = 0; t < places; t++) {
      const front = Math.min(shared, t + 1);
      const own = t < shared ? t + 1 : Math.max(shared, from ? from[t]! : 0);
      for (let head = 0; head < n_heads; head++) {
        const q = t * 3 * wide + head * d_head;
        let top = -Infinity;
        let count = 0;
        for (let s = 0; s <= t; s++) {
          if (s === front) s = own;
          if (s > t) break;
          const k = s * 3 * wide + wide + head * d_head;
          let sum = 0;
          for (let i = 0; i < d_head; i++) sum += qkv[q + i]! * qkv[k + i]!;
          sum *= scale;
          scores[count++] = sum;
          if (sum > top) top = sum;
        }
        let total = 0;
        for (let n = 0; n < count; n++) total += scores[n] = Math.exp(scores[n]! - top);
        const to = t * wide + head * d_head;
        for (let s = 0, n = 0; n < count; s++, n++) {
          if (s === front) s = own;
          const v = s * 3 * wide + 2 * wide + head * d_head;
          const share = scores[n]! / total;
          for (let i = 0; i < d_head; i++) z[to + i]! += share * qkv[v + i]!;
        }
      }
    }
  }

  private makeRoom(places: number): void {
    if (places <= this.room) return;
    const { d_model, n_heads, d_head, d_mlp } = this.settings;
    this.room = places;
    this.x = new Float64Array(places * d_model);
    this.y = new Float64Array(places * d_model);
    this.qkv = new Float64Array(places * 3 * n_heads * d_head);
    this.z = new Float64Array(places * n_heads * d_head);
    this.hidden = new Float64Array(places * d_mlp);
    this.scores = new Float64Array(places);
  }

  private weight(name: string): Float32Array {
    const found = this.weights[name];
    if (!found) throw new Error(`The pack has no weights named ${name}.`);
    return found;
  }

  private norm(name: string): Norm {
    return { w: this.weight(`${name}.w`), b: this.weight(`${name}.b`) };
  }

  private block(name: string): Block {
    const { d_model: d, n_heads, d_head, d_mlp, norm } = this.settings;
    const wide = n_heads * d_head;
    const optional = (own: string) => this.weights[name + own] ?? null;
    const join = (kind: string) => {
      const parts = ["Q", "K", "V"].map((letter) => optional(`attn.${kind}_${letter}`));
      if (parts.some((part) => !part)) return null;
      const all = new Float32Array(parts.reduce((sum, part) => sum + part!.length, 0));
      parts.reduce((at, part) => (all.set(part!, at), at + part!.length), 0);
      return all;
    };
    const qkv = join("W");
    if (!qkv) throw new Error(`The pack has no weights named ${name}attn.W_Q, W_K and W_V.`);
    // Column (letter, head, i) of row r stands at [letter][head][r][i].
    const at = (row: number, column: number) => Math.floor(column / d_head) * d * d_head + row * d_head + (column % d_head);
    return {
      ln1: norm === "none" ? null : this.norm(`${name}ln1`),
      ln2: norm === "none" || !d_mlp ? null : this.norm(`${name}ln2`),
      qkv: new Matrix(d, 3 * wide, qkv, at),
      qkvBias: join("b"),
      out: new Matrix(wide, d, this.weight(`${name}attn.W_O`)),
      outBias: optional("attn.b_O"),
      mlp: d_mlp
        ? {
            in: new Matrix(d, d_mlp, this.weight(`${name}mlp.W_in`)),
            inBias: optional("mlp.b_in"),
            out: new Matrix(d_mlp, d, this.weight(`${name}mlp.W_out`)),
            outBias: optional("mlp.b_out"),
          }
        : null,
    };
  }
}

// Sine and cosine side by side; wavelengths from 2 pi to 10,000 * 2 pi.
function sinusoid(place: number, column: number, width: number): number {
  const angle = place * Math.exp((-Math.log(10_000) / width) * (column & ~1));
  return column & 1 ? Math.cos(angle) : Math.sin(angle);
}

function normalise(x: Float64Array, out: Float64Array, places: number, d: number, { w, b }: Norm): void {
  for (let t = 0; t < places; t++) {
    const at = t * d;
    let mean = 0;
    for (let i = 0; i < d; i++) mean += x[at + i]!;
    mean /= d;
    let variance = 0;
    for (let i = 0; i < d; i++) variance += (x[at + i]! - mean) ** 2;
    const scale = 1 / Math.sqrt(variance / d + EPSILON);
    for (let i = 0; i < d; i++) out[at + i] = (x[at + i]! - mean) * scale * w[i]! + b[i]!;
  }
}
