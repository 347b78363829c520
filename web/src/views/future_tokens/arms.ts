// Arms of the study: members that differ in nothing but their seed, named and coloured by what they keep of the past.
import type { Pack } from "../../data/safetensors";

export interface Arm {
  past: string;
  name: string;
  members: number[]; // places in the run's list
  seeds: number[];
}

export interface Group {
  label: string;
  arms: Arm[];
}

const COLOURS: Record<string, string> = {
  whole: "--lb-cycle-0",
  hidden: "--lb-cycle-1",
  keys: "--lb-cycle-3",
  zeroed: "--lb-cycle-7",
  teacher_hidden: "--lb-cycle-2",
  teacher_keys: "--lb-cycle-2",
};

// Of a group whose arms all have the same past, colours go by number.
export function colourOf(group: Group, arm: Arm): string {
  const alike = group.arms.filter((other) => other.past === arm.past).length > 1;
  return alike ? `--lb-cycle-${group.arms.indexOf(arm) % 8}` : (COLOURS[arm.past] ?? "--lb-cycle-6");
}

export function vanilla(group: Group): Arm | null {
  return group.arms.find((arm) => arm.past === "whole") ?? null;
}

// Places of the pairs of one seed in two arms.
export function paired(arm: Arm, other: Arm): [own: number, other: number][] {
  return arm.seeds.flatMap((seed, i): [number, number][] => {
    const found = other.seeds.indexOf(seed);
    return found < 0 ? [] : [[arm.members[i]!, other.members[found]!]];
  });
}

// Rows of a list column [step, member, entry] at one step.
export function rowOf(pack: Pack, name: string, frame: number, member: number): Float32Array {
  const { shape, data } = pack.arrays[name]!;
  const width = shape.slice(2).reduce((a, b) => a * b, 1);
  const start = (frame * shape[1]! + member) * width;
  return (data as Float32Array).subarray(start, start + width);
}
