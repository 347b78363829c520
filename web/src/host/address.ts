// What an address keeps of a view, so that a reload brings it back and it can be sent to somebody. What an address says
// and cannot be is not believed.
import { numberOf } from "./whereabouts";

interface Kind {
  read(query: URLSearchParams, key: string): unknown; // undefined: nothing that can be
  write(value: any): string; // empty: nothing to keep
}

const NUMBER: Kind = { read: numberOf, write: String };
const RESIDUE: Kind = {
  read(query, key) {
    const value = numberOf(query, key);
    return Number.isInteger(value) && value! >= 0 ? value : undefined;
  },
  write: String,
};
const TEXT: Kind = { read: (query, key) => query.get(key)?.trim() || undefined, write: String };
const NUMBERS: Kind = {
  read(query, key) {
    const values = (query.get(key) ?? "").split(",").map((text) => (text.trim() ? Number(text) : NaN));
    return values.every(Number.isFinite) ? values : undefined;
  },
  write: (values: number[]) => values.join(","),
};
// Pairs of x and y, one behind the other.
const POINTS: Kind = {
  read(query, key) {
    const values = NUMBERS.read(query, key) as number[] | undefined;
    if (!values || values.length % 2) return undefined;
    return Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]);
  },
  write: (points: [number, number][]) => points.flat().join(","),
};

const KEPT: Record<string, Kind> = { step: NUMBER, member: NUMBER, seed: RESIDUE, share: NUMBER, arm: TEXT, a: RESIDUE, b: RESIDUE, sentence: TEXT, blend: NUMBERS, points: POINTS };

// By the names of traits.
export function readAddress(query: URLSearchParams): Record<string, unknown> {
  return Object.fromEntries(Object.entries(KEPT).map(([key, { read }]) => [key, read(query, key)]));
}

// What stands behind the question mark.
export function writeAddress(get: (key: string) => unknown): string {
  const query = new URLSearchParams();
  for (const [key, { write }] of Object.entries(KEPT)) {
    const value = get(key);
    const text = value === undefined || value === null ? "" : write(value);
    if (text && !(key === "points" && query.has("blend"))) query.set(key, text); // a blend knows its points
  }
  return String(query).replaceAll("%2C", ",");
}
