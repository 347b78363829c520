// A line, a sinusoid, and what lies between them; drawn as the task draws them.
import { random } from "../../math/random";
import type { Point } from "./board";

export interface Pair {
  slope: number;
  sine: number;
  cosine: number;
  frequency: number;
  places: number[]; // where points will be put, in turn
}

export function drawPair(seed: number, most: number, low: number, high: number): Pair {
  const noise = random(seed);
  const slow = Math.min(1.6, (low + high) / 2); // of slow sinusoids alone, the faster half
  for (;;) {
    const [slope, sine, cosine] = [noise.normal(), noise.normal(), noise.normal()];
    const frequency = low + noise.uniform() * (high - low);
    // Typical ones: what leaves the picture, or hardly moves, shows nothing.
    const size = Math.hypot(sine, cosine);
    if (Math.abs(slope) < 0.35 || Math.abs(slope) > 1.3 || size < 0.7 || size > 2 || frequency < slow) continue;
    const places = Array.from({ length: most }, () => Math.max(-2.6, Math.min(2.6, noise.normal())));
    return { slope, sine, cosine, frequency, places };
  }
}

export function blended(pair: Pair, share: number): (x: number) => number {
  const { slope, sine, cosine, frequency } = pair;
  return (x) => share * slope * x + (1 - share) * (sine * Math.sin(frequency * x) + cosine * Math.cos(frequency * x));
}

export function pointsOf(pair: Pair, share: number, count: number): Point[] {
  const f = blended(pair, share);
  return pair.places.slice(0, count).map((x) => ({ x, y: f(x) }));
}

// Whether these are the others, as far as Python and addresses have them: rounded.
export function alike(points: readonly Point[], others: readonly Point[]): boolean {
  return points.length === others.length && points.every(({ x, y }, i) => Math.hypot(x - others[i]!.x, y - others[i]!.y) < 1e-3);
}

// Mean squared distance of a curve to the function, queries weighted as inputs are drawn: N(0, 1).
export function errorTo(f: (x: number) => number, query: ArrayLike<number>, curve: ArrayLike<number>): number {
  let [sum, weights] = [0, 0];
  for (let i = 0; i < query.length; i++) {
    const weight = Math.exp(-0.5 * query[i]! * query[i]!);
    sum += weight * (curve[i]! - f(query[i]!)) ** 2;
    weights += weight;
  }
  return sum / weights;
}
