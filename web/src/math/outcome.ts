// What became of a run, from the numbers in the pack `outcomes`: latebloom.instruments.outcome.

export const RATIO_LABELS = ["nothing", "memorise_only", "together", "grok"] as const;
export const TIME_LABELS = ["nothing", "memorise_only", "semi", "together", "grok", "lost", "regained"] as const;

export function ratioLabel(
  minTrain: number,
  minTest: number,
  maxRatio: number,
  lossThreshold: number,
  ratioThreshold: number,
): (typeof RATIO_LABELS)[number] {
  if (minTrain > lossThreshold) return "nothing";
  if (minTest > lossThreshold) return "memorise_only";
  return maxRatio < ratioThreshold ? "together" : "grok";
}

// Python gives the label at the pack's delay; another one only moves members between together and grok.
export function timeLabel(label: string, tMem: number, tGen: number, minDelay: number): string {
  if (label !== "together" && label !== "grok") return label;
  return tGen / tMem < 2 || tGen - tMem < minDelay ? "together" : "grok";
}

export const WORDS: Record<string, string> = {
  nothing: "learned nothing",
  memorise_only: "memorised only",
  semi: "partly general",
  together: "dropped together",
  grok: "grokked",
  lost: "lost again",
  regained: "regained",
};
