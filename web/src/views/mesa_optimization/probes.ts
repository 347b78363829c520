// What linear probes read from every layer and place, and what the first layer binds.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { shownSteps } from "../../draw/axes";
import { Cells } from "../../draw/cells";
import { h } from "../../draw/dom";
import { Lines } from "../../draw/lines";
import type { Shared } from "../../draw/store";
import type { Look } from "./look";

export function probePictures(pack: Pack, store: Shared<Look>) {
  const steps = pack.arrays.steps!.data;
  const [, kinds, layers, places] = pack.arrays.r2!.shape as [number, number, number, number];
  const data = pack.arrays.r2!.data;
  const told = h("p", { class: "lb-note" });
  const cells = (pack.document.kinds as string[]).map(
    (title, kind) =>
      new Cells({
        title,
        rows: ["input", ...Array.from({ length: layers - 1 }, (_, i) => `layer ${i + 1}`)],
        columns: Array.from({ length: places }, (_, i) => String(i)),
        axis: "place",
        measure: "R²",
        value: (row, column) => data[((frameAt(steps, store.state.step) * kinds + kind) * layers + row) * places + column]!,
      }),
  );
  const tell = () => {
    told.textContent = `R² of linear probes, fitted for every layer and place, on other sequences. Probed at step ${shownSteps(steps[frameAt(steps, store.state.step)]!)}; steps probed: ${Array.from(steps, shownSteps).join(", ")}.`;
    cells.forEach((one) => one.redraw());
  };
  tell();
  return { el: h("div", {}, told, h("div", { class: "lb-grid lb-two" }, ...cells.map((one) => one.el))), tell, close: () => cells.forEach((one) => one.close()) };
}

export function bindingPictures(pack: Pack, store: Shared<Look>) {
  const steps = pack.arrays.steps!.data;
  const cut = (name: string, frame: number): Float32Array[] => {
    const { shape, data } = pack.arrays[name]!;
    const width = shape.at(-1)!;
    const rows = shape.length > 2 ? shape[1]! : 1;
    return Array.from({ length: rows }, (_, i) => (data as Float32Array).subarray((frame * rows + i) * width, (frame * rows + i + 1) * width));
  };
  const x = Array.from({ length: pack.arrays.unread!.shape.at(-1)! }, (_, i) => i);
  const frame = () => frameAt(steps, store.state.step);
  const charts = [
    new Lines({
      title: "Left unread of earlier states",
      unit: "share of their variance",
      xTitle: "states back",
      x: () => x,
      series: () => [
        { name: "untrained", colour: "--lb-cycle-7", lines: cut("unread", 0), dash: [4, 3], thin: true },
        { name: "shown", colour: "--lb-cycle-0", lines: cut("unread", frame()) },
        { name: "a tenth", colour: "--lb-faint", lines: [x.map(() => 0.1)], dash: [2, 3], thin: true },
      ],
      range: () => [0, 1.1],
      xWords: (v) => `${v} back`,
    }),
  ];
  if (pack.arrays.attention)
    charts.push(
      new Lines({
        title: "Where the first layer's heads look",
        unit: "mean attention",
        xTitle: "distance",
        x: () => x,
        series: () => cut("attention", frame()).map((line, head) => ({ name: `head ${head + 1}`, colour: `--lb-cycle-${head % 8}`, lines: [line] })),
        range: () => [0, 1.02],
        xWords: (v) => `${v} back`,
      }),
    );
  const told = h("p", { class: "lb-note" });
  const tell = () => {
    told.textContent = `Snapshot at step ${shownSteps(steps[frame()]!)}.`;
    charts.forEach((chart) => chart.redraw());
  };
  tell();
  return { el: h("div", {}, told, h("div", { class: "lb-grid lb-two" }, ...charts.map((chart) => chart.el))), tell, close: () => charts.forEach((chart) => chart.close()) };
}
