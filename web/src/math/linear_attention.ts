// A stack of linear-attention layers as its products, its compressed form, and running either or anything between.
// e_t <- e_t + sum over heads and places t' <= t of (e_t QK e_t') e_t' OV, clipped (instruments/linear_attention.py).

export interface Products {
  qk: Float64Array[]; // of each head, [size * size] row-major
  ov: Float64Array[];
}

export interface Stack {
  size: number; // of a token
  width: number; // of a channel; the prediction is the first channel
  clip: number | null;
  layers: Products[];
}

// Every block of a product replaced by the mean of its diagonal times the identity.
export function compressed(product: Float64Array, size: number, width: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let row = 0; row < size; row += width)
    for (let column = 0; column < size; column += width) {
      let mean = 0;
      for (let i = 0; i < width; i++) mean += product[(row + i) * size + column + i]! / width;
      for (let i = 0; i < width; i++) out[(row + i) * size + column + i] = mean;
    }
  return out;
}

export function compress({ size, width, clip, layers }: Stack): Stack {
  const all = (products: Float64Array[]) => products.map((product) => compressed(product, size, width));
  return { size, width, clip, layers: layers.map(({ qk, ov }) => ({ qk: all(qk), ov: all(ov) })) };
}

// `share` of the way from the first to the second, product by product.
export function between(first: Stack, second: Stack, share: number): Stack {
  const mix = (one: Float64Array[], other: Float64Array[]) =>
    one.map((product, head) => product.map((value, i) => value + share * (other[head]![i]! - value)));
  return {
    ...first,
    layers: first.layers.map((layer, i) => ({
      qk: mix(layer.qk, second.layers[i]!.qk),
      ov: mix(layer.ov, second.layers[i]!.ov),
    })),
  };
}

// Predictions [pos * width] for one sequence of tokens [pos * size].
export function run({ size, width, clip, layers }: Stack, tokens: Float64Array): Float64Array {
  const places = tokens.length / size;
  let stream = tokens;
  for (const { qk, ov } of layers) {
    const after = stream.slice();
    qk.forEach((product, head) => {
      const asked = times(stream, product, places, size);
      const written = times(stream, ov[head]!, places, size);
      for (let t = 0; t < places; t++)
        for (let s = 0; s <= t; s++) {
          let score = 0;
          for (let i = 0; i < size; i++) score += asked[t * size + i]! * stream[s * size + i]!;
          if (score) for (let i = 0; i < size; i++) after[t * size + i]! += score * written[s * size + i]!;
        }
    });
    if (clip !== null) for (let i = 0; i < after.length; i++) after[i] = Math.min(clip, Math.max(-clip, after[i]!));
    stream = after;
  }
  const out = new Float64Array(places * width);
  for (let t = 0; t < places; t++) for (let i = 0; i < width; i++) out[t * width + i] = stream[t * size + i]!;
  return out;
}

function times(rows: Float64Array, matrix: Float64Array, count: number, size: number): Float64Array {
  const out = new Float64Array(count * size);
  for (let row = 0; row < count; row++)
    for (let i = 0; i < size; i++) {
      const value = rows[row * size + i]!;
      if (!value) continue;
      for (let j = 0; j < size; j++) out[row * size + j]! += value * matrix[i * size + j]!;
    }
  return out;
}

// States [places + 1, width] as tokens [places, 4 * width]: [said, s_t, s_t, s_{t-1}], or with an empty second channel.
export function tokensOf(states: ArrayLike<number>, width: number, layout: string): Float64Array {
  const places = states.length / width - 1;
  const tokens = new Float64Array(places * 4 * width);
  for (let t = 0; t < places; t++)
    for (let i = 0; i < width; i++) {
      const at = t * 4 * width + i;
      const now = states[t * width + i]!;
      if (layout === "constructed") tokens[at + width] = now;
      tokens[at + 2 * width] = now;
      tokens[at + 3 * width] = t ? states[(t - 1) * width + i]! : 0;
    }
  return tokens;
}

// One gradient step from 0: rate times the sum over seen pairs of s_{j+1} (s_j . s_t).
export function oneStep(states: ArrayLike<number>, width: number, rate: number): Float64Array {
  const places = states.length / width - 1;
  const out = new Float64Array(places * width);
  for (let t = 0; t < places; t++)
    for (let j = 0; j < t; j++) {
      let score = 0;
      for (let i = 0; i < width; i++) score += states[j * width + i]! * states[t * width + i]!;
      for (let i = 0; i < width; i++) out[t * width + i]! += rate * score * states[(j + 1) * width + i]!;
    }
  return out;
}

// Half the squared error summed over outputs, averaged over sequences, at each place.
export function lossByPlace(said: ArrayLike<number>[], states: ArrayLike<number>[], width: number): Float64Array {
  const places = said[0]!.length / width;
  const loss = new Float64Array(places);
  said.forEach((outputs, row) => {
    for (let i = 0; i < outputs.length; i++) {
      const wrong = outputs[i]! - states[row]![i + width]!;
      loss[Math.floor(i / width)]! += (wrong * wrong) / 2 / said.length;
    }
  });
  return loss;
}
