// What the pack `outcomes` tells of each member, and the unit in which the explorable's rule reads losses.
import type { Member } from "../../data/curves";
import type { Pack } from "../../data/safetensors";

export interface Row extends Member {
  formula: string;
  divisor: number; // of nats: what the explorable's loss is divided by
  minTrain: number; // lowest losses in its unit
  minTest: number;
  maxRatio: number;
  tMem: number;
  tGen: number[]; // by level
  labels: string[]; // by level
}

export interface Rule {
  loss: number; // in the explorable's unit
  ratio: number;
  level: number; // of test accuracy, by its number in the pack
  delay: number; // steps
}

// Both rules as they stand before a slider is moved.
export function ruleOf(pack: Pack): Rule {
  const { level, delay } = pack.document as { level: number; delay: number };
  return { loss: 1e-5, ratio: 5e4, level, delay };
}

export function rowsOf(pack: Pack): Row[] {
  const { members, levels, labels, formulas, divisors } = pack.document as { members: Member[]; levels: number[]; labels: string[][]; formulas: string[]; divisors: number[] };
  const data = (name: string) => pack.arrays[name]!.data;
  return members.map((member, i) => ({
    ...member,
    formula: formulas[i]!,
    divisor: divisors[i]!,
    minTrain: data("min_train")[i]! / divisors[i]!,
    minTest: data("min_test")[i]! / divisors[i]!,
    maxRatio: data("max_ratio")[i]!,
    tMem: data("t_mem")[i]!,
    tGen: levels.map((_, l) => data("t_gen")[l * members.length + i]!),
    labels: levels.map((_, l) => labels[l]![i]!),
  }));
}
