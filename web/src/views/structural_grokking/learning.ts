// Accuracies of all seeds with the places where stopping rules end, and instruments under them on the same axis.
import type { Curves } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart, type Mark } from "../../draw/chart";
import { h } from "../../draw/dom";

const SHAPES = ["▼", "■", "◆"] as const;

export interface Learning {
  el: HTMLElement;
  charts: Chart[];
}

export function learningCharts(
  pack: Pack,
  curves: Curves,
  measures: Curves | null,
  places: number[],
  scrub: (step: number) => void,
): Learning {
  const told = pack.document;
  const of = (name: string) => (curves.has(name) ? curves : measures?.has(name) ? measures : null);
  const series = (name: string, label: string, colour: string, dashed = false) => of(name)!.series(name, label, colour, places, dashed);
  const domain: [number, number] = [curves.document.log_steps ? 1 : 0, Math.max(curves.lastStep, 1)];
  const shared = { domain, scrub, logX: curves.document.log_steps as boolean };
  const marks: Mark[] = (told.rules as string[]).flatMap((_, i) =>
    places.map((place) => ({ x: pack.arrays[`step${i}`]!.data[place]!, y: pack.arrays[`value${i}`]!.data[place]!, shape: SHAPES[i % 3]!, colour: "--lb-cycle-1" })),
  );
  const charts: Chart[] = [];
  if (of(told.known) && of(told.held_out)) {
    const shown = [series(told.known, "in the domain", "--lb-cycle-0"), series(told.held_out, "held-out structures", "--lb-cycle-1")];
    if (told.linear && of(told.linear)) shown.push(series(told.linear, "rule of word order", "--lb-cycle-3", true));
    charts.push(new Chart({ ...shared, title: "Accuracy", unit: "share of sentences", series: shown, range: [0, 1], chance: told.chance, guide: told.guess, height: 240, marks }));
  }
  const below = Object.entries(told.instruments as Record<string, string>).filter(([name]) => of(name));
  below.forEach(([name, label], i) => {
    const last = i === below.length - 1;
    charts.push(new Chart({ ...shared, title: label[0]!.toUpperCase() + label.slice(1), unit: label, series: [series(name, "median", "--lb-cycle-2")], height: last ? 120 : 90, bare: !last }));
  });
  const key = marks.some(({ x }) => Number.isFinite(x))
    ? h("p", { class: "lb-note" }, `Where early stopping would keep each seed, judged in the domain: ${(told.rules as string[]).map((rule, i) => `${SHAPES[i % 3]} ${rule.replace(">=", "≥")}`).join(", ")}.`)
    : null;
  const el = h(
    "section",
    { class: "lb-section" },
    h("h3", {}, "How it learns"),
    h("p", {}, "Faint lines are seeds, bold is the median, the band the middle half. Move over any curve: the sentence below follows."),
    h("div", { class: "lb-grid lb-stack" }, ...charts.flatMap((chart, i) => (i === 0 && key ? [chart.el, key] : [chart.el]))),
  );
  return { el, charts };
}
