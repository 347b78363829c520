// What probes read, layer by lag, arm beside arm; and how far the output moves when a state is pushed.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { shownSteps } from "../../draw/axes";
import { Cells } from "../../draw/cells";
import { h } from "../../draw/dom";
import { Lines, type Line } from "../../draw/lines";
import type { Shared } from "../../draw/store";
import { rowOf, type Arm, type Group } from "./arms";
import type { Look } from "./look";

interface Told {
  title: string;
  rows: string[];
  columns: string[];
  axis: string;
  measure: string;
}

export function mapPictures(name: string, pack: Pack, store: Shared<Look>, group: () => Group) {
  const told = pack.document.maps[name] as Told;
  const steps = pack.arrays[`${name}_steps`]!.data;
  const area = h("div", { class: "lb-grid lb-two" });
  const note = h("p", { class: "lb-note" });
  let cells: Cells[] = [];
  const values = (arm: Arm, at: number, entry: number) =>
    arm.members.map((member) => rowOf(pack, name, at, member)[entry]!).filter(Number.isFinite).sort((a, b) => a - b);
  const build = () => {
    cells.forEach((one) => one.close());
    cells = group()
      .arms.filter((arm) => Array.from(steps, (_, i) => values(arm, i, 0).length).some(Boolean))
      .map(
        (arm) =>
          new Cells({
            ...told,
            title: arm.name,
            value: (row, column) => median(values(arm, frameAt(steps, store.state.step), row * told.columns.length + column)),
            more: (row, column) => {
              const all = values(arm, frameAt(steps, store.state.step), row * told.columns.length + column);
              return all.length > 1 ? `, ${all.length} seeds ${all[0]!.toFixed(2)} to ${all.at(-1)!.toFixed(2)}`.replaceAll("-", "−") : "";
            },
          }),
      );
    area.replaceChildren(...cells.map((one) => one.el));
    tell();
  };
  const tell = () => {
    note.textContent = `${told.title}. Median over seeds, measured at step ${shownSteps(steps[frameAt(steps, store.state.step)]!)}.`;
    cells.forEach((one) => one.redraw());
  };
  build();
  return { area, note, build, tell, close: () => cells.forEach((one) => one.close()) };
}

const WAYS: [name: string, colour: string][] = [
  ["along sin(b xₙ)", "--lb-cycle-0"],
  ["along sin(b xₙ₋₁)", "--lb-cycle-1"],
  ["random direction", "--lb-cycle-7"],
];

export function pushPictures(pack: Pack, store: Shared<Look>, group: () => Group) {
  const steps = pack.arrays.push_steps!.data;
  const [, , ways, lags] = pack.arrays.push!.shape as [number, number, number, number];
  const x = Array.from({ length: lags }, (_, i) => i);
  const area = h("div", { class: "lb-grid lb-two" });
  let charts: Lines[] = [];
  const lines = (arm: Arm): Line[] =>
    WAYS.slice(0, ways).map(([name, colour], way) => ({
      name,
      colour,
      lines: arm.members.map((member) => rowOf(pack, "push", frameAt(steps, store.state.step), member).subarray(way * lags, (way + 1) * lags)),
    }));
  const build = () => {
    charts.forEach((chart) => chart.close());
    charts = group().arms.map(
      (arm) =>
        new Lines({
          title: arm.name,
          unit: "slope of the sum in the push",
          xTitle: "places before the last one",
          x: () => x,
          series: () => lines(arm),
          range: () => [-1.6, 1.6],
          zero: true,
          shade: () => (pack.document.window ? [0.5, pack.document.window + 0.5, "terms of the sum"] : null),
          height: 190,
          xWords: (value) => `${value} before`,
        }),
    );
    area.replaceChildren(...charts.map((chart) => chart.el));
  };
  build();
  return { area, build, tell: () => charts.forEach((chart) => chart.redraw()), close: () => charts.forEach((chart) => chart.close()) };
}

function median(sorted: number[]): number {
  if (!sorted.length) return NaN;
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2;
}
