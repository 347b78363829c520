// Errors after 0, 1, 2, ... pairs at the step that is shown, beside what needs no training.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { shownSteps } from "../../draw/axes";
import { Chart, type Series } from "../../draw/chart";
import { h } from "../../draw/dom";
import type { Shared } from "../../draw/store";
import { classWord, mixtureWords, NETWORK_COLOURS } from "./words";

const REFERENCES = ["--lb-text", "--lb-cycle-7", "--lb-cycle-4"];

export interface PairCharts {
  el: HTMLElement;
  close(): void;
}

export function pairCharts(pack: Pack, store: Shared<{ step: number }>): PairCharts {
  const { classes, mixtures, references, points } = pack.document as { classes: string[]; mixtures: string[]; references: Record<string, number[]>[]; points: number };
  const steps = [...pack.arrays.steps!.data];
  const distinct = [...new Set(mixtures)];
  const colours = new Map(distinct.map((mixture, i) => [mixture, NETWORK_COLOURS[i % NETWORK_COLOURS.length]!]));
  const x = Array.from({ length: points }, (_, i) => i);
  const frame = () => frameAt(steps, store.state.step);
  const series = (number: number): Series[] => {
    const table = pack.arrays[`errors${number}`]!.data as Float32Array;
    const from = frame() * mixtures.length;
    const lines = (mixture: string) =>
      mixtures.flatMap((own, member) => (own === mixture ? [table.subarray((from + member) * points, (from + member + 1) * points)] : []));
    return [
      ...distinct.map((mixture): Series => ({ name: `on ${mixtureWords(mixture)}`, colour: colours.get(mixture)!, x, lines: lines(mixture) })),
      ...Object.entries(references[number]!).map(([name, values], i): Series => ({ name: reference(name), colour: REFERENCES[i % REFERENCES.length]!, dashed: true, x, lines: [values] })),
    ];
  };
  const charts = classes.map((text, number) => {
    const chart = new Chart({
      title: `Prompts of ${classWord(text)}`,
      unit: "squared error over the variance of the class",
      across: "pairs seen",
      series: series(number),
      range: [0, 1.25],
      chance: 1,
      guide: "always 0",
      height: 260,
      scrub: (pairs) => charts.forEach((one) => one.mark(Math.round(pairs))),
    });
    chart.mark(points - 1);
    return chart;
  });
  // Where nothing was measured at the step itself, it is the last one before.
  const told = h("p", { class: "lb-note" });
  const tell = () => (told.textContent = `Measured at step ${shownSteps(steps[frame()]!)}.`);
  tell();
  const leave = store.on(["step"], () => {
    tell();
    charts.forEach((chart, number) => chart.update({ series: series(number) }));
  });
  return {
    el: h(
      "section",
      { class: "lb-section" },
      h("h3", {}, "Error by number of pairs seen"),
      h("p", {}, "Squared error over the variance of the class; faint lines are seeds. Move over a chart, or use the arrow keys in it, to read it."),
      told,
      h("div", { class: "lb-grid lb-two" }, ...charts.map((chart) => chart.el)),
    ),
    close() {
      leave();
      charts.forEach((chart) => chart.close());
    },
  };
}

function reference(name: string): string {
  return name.startsWith("optimum of") ? "exact optimum" : name;
}
