// Names and colours of what predicts.
const CLASSES: Record<string, string> = { line: "lines", sinusoid: "sinusoids", dense: "dense", sparse: "sparse" };

// "0.3*line+0.7*line~sinusoid:share=None" as people say it.
export function classWord(text: string): string {
  const [share, bare] = text.includes("*") ? (text.split("*") as [string, string]) : ["", text];
  const [name, ...settings] = bare.split(":") as [string, ...string[]];
  const own = settings.map((setting) => setting.replaceAll("_", " ").replace("=", " ")).join(", ");
  const word = bare.includes("~") ? "blends" : `${CLASSES[name] ?? name}${own ? ` with ${own}` : ""}`;
  return share ? `${word} (${Math.round(100 * Number(share))} %)` : word;
}

export function mixtureWords(mixture: string): string {
  const parts = mixture.split("+").map(classWord);
  return parts.length === 1 ? `${parts[0]} only` : [parts.slice(0, -1).join(", "), parts.at(-1)].join(" and ");
}

// Posterior probability of lines, sinusoids, blends.
export function byWord(classes: Map<string, number>): [word: string, share: number][] {
  const found = new Map<string, number>();
  for (const [name, share] of classes) found.set(classWord(name), (found.get(classWord(name)) ?? 0) + share);
  return [...found];
}

export const NETWORK_COLOURS = ["--lb-cycle-1", "--lb-cycle-3", "--lb-cycle-0", "--lb-cycle-2", "--lb-cycle-5", "--lb-cycle-4"];
