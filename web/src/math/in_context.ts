// A network that learns functions of one number in context: points and queries as it reads them.
import type { Decoder } from "./decoder";

export type Layout = "garg" | "raventos" | "paired";

// What it says of every query behind the points: the context goes through once, and a query sees it and itself alone.
export function predict(network: Decoder, layout: Layout, x: ArrayLike<number>, y: ArrayLike<number>, query: ArrayLike<number>): Float64Array {
  const seen = 2 * x.length;
  const places = seen + query.length;
  const wide = layout === "garg" ? 1 : 2; // the label stands before x; `paired`: x stands behind it once more
  const vectors = new Float64Array(places * wide);
  const positions = new Int32Array(places);
  const from = new Int32Array(places);
  for (let i = 0; i < x.length; i++) {
    vectors[2 * i * wide + wide - 1] = x[i]!;
    vectors[(2 * i + 1) * wide] = y[i]!;
    if (layout === "paired") vectors[(2 * i + 1) * wide + 1] = x[i]!;
  }
  for (let place = 0; place < places; place++) {
    from[place] = place;
    positions[place] = Math.min(place, seen);
    if (place >= seen) vectors[place * wide + wide - 1] = query[place - seen]!;
  }
  const asked = Int32Array.from(query, (_, i) => seen + i);
  return network.outputs({ places, vectors, positions, from, shared: seen }, asked);
}
