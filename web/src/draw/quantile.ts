// Quantiles over members at every step, of those that count there. A member that is done holds its last value, so that a
// median does not lose those that learned early; one that diverged has no value to hold and is left out from the first step
// on; one that still trains counts as far as it has come. Between two logs of its own every member has the earlier one's value.

export type Ending = "done" | "diverged" | "training";

export interface Members {
  x: ArrayLike<number>; // [step]
  lines: ArrayLike<number>[]; // of each member [step]; NaN where there is no log
  endings?: Ending[]; // of each member; without it a line is what it is
}

const kept = new WeakMap<Members, { lines: ArrayLike<number>[]; quantiles: Map<number, Float64Array> }>();

export function quantile(members: Members, share: number): Float64Array {
  const { lines, quantiles } = of(members);
  const found = quantiles.get(share);
  if (found) return found;
  const result = new Float64Array(members.x.length).fill(NaN);
  for (let i = 0; i < result.length; i++) {
    const values = lines.map((line) => line[i]!).filter(Number.isFinite).sort((a, b) => a - b);
    if (!values.length) continue;
    const place = share * (values.length - 1);
    const low = Math.floor(place);
    result[i] = values[low]! + (place - low) * ((values[low + 1] ?? values[low]!) - values[low]!);
  }
  quantiles.set(share, result);
  return result;
}

// How many members quantiles are taken over.
export function counted(members: Members): number {
  return of(members).lines.length;
}

// What a legend says of members that quantiles leave out; empty where there is none.
export function lostWords({ lines, endings }: Members): string {
  const lost = endings?.filter((one) => one === "diverged").length ?? 0;
  if (!lost) return "";
  if (lost === lines.length) return lost === 1 ? "diverged" : `all ${lost} diverged`;
  return `median of ${lines.length - lost}, ${lost} diverged`;
}

function of(members: Members) {
  let own = kept.get(members);
  if (!own) kept.set(members, (own = { lines: held(members), quantiles: new Map() }));
  return own;
}

function held({ x, lines, endings }: Members): ArrayLike<number>[] {
  if (!endings || lines.length === 1) return lines; // one member's median is that member
  return lines.flatMap((line, member) => (endings[member] === "diverged" ? [] : [filled(line, x.length, endings[member] === "done")]));
}

function filled(line: ArrayLike<number>, length: number, toTheEnd: boolean): Float64Array {
  const out = Float64Array.from({ length }, (_, i) => line[i]!);
  let last = length - 1;
  if (!toTheEnd) while (last >= 0 && !Number.isFinite(out[last]!)) last--;
  for (let i = 1; i <= last; i++) if (!Number.isFinite(out[i]!)) out[i] = out[i - 1]!;
  return out;
}
