// A line, a sinusoid, and what lies between them; drawn as the task draws them.
import type { FunctionFamily } from "../../math/posterior";
import { random } from "../../math/random";
import type { Point } from "./board";

export interface Pair {
  slope: number;
  sine: number;
  cosine: number;
  frequency: number;
  places: number[]; // where points will be put, in turn
}

// A blend as addresses and Python have it.
export interface Blend {
  drawn: number; // which pair of functions
  share: number; // of the line
  count: number; // points on it
}

export const FIRST = 3; // pair of functions

// Of three numbers; null where they name none.
export function blendOf(given: unknown, most: number): Blend | null {
  if (!Array.isArray(given) || given.length !== 3 || !given.every(Number.isFinite)) return null;
  const [drawn, share, count] = given as [number, number, number];
  if (!Number.isInteger(drawn) || drawn < FIRST || share < 0 || share > 1 || !Number.isInteger(count) || count < 0) return null;
  return { drawn, share, count: Math.min(count, most) };
}

// The frequencies that a task's sinusoids have; where it has none, some.
export function frequencies(families: readonly Pick<FunctionFamily, "sinusoid" | "low" | "high">[]): [low: number, high: number] {
  const waves = families.filter(({ sinusoid }) => sinusoid);
  return waves.length ? [Math.min(...waves.map(({ low }) => low)), Math.max(...waves.map(({ high }) => high))] : [1, 5];
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
