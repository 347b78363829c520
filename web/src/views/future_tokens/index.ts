// What it costs a network not to look ahead: every picture of the study that a run allows, linked by step.
import { Curves } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart, type ChartOptions } from "../../draw/chart";
import { add, h, section, select } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { carry, replaced, type Part } from "../../draw/swap";
import type { Model, Packs } from "../../host/model";
import { runView } from "../../host/run_view";
import { linkTraits } from "../../host/traits";
import { stepOf, stepTrait } from "../../host/whereabouts";
import { colourOf, type Group } from "./arms";
import type { Look } from "./look";
import { mapPictures, pushPictures } from "./maps";
import { placePictures } from "./places";
import { samplePicture, type Kept } from "./sample";

interface Linked {
  build?: () => void; // other arms were chosen
  tell: () => void; // the step has changed
  close?: () => void;
}

// What stands beside the loss while one scrubs: the first of these that was measured.
const BESIDE: [column: string, title: string, unit: string, log: boolean][] = [
  ["exact_match", "Whole answers right", "share of rows", false],
  ["excess", "Divergence from the best predictor", "nats", true],
  ["sums", "Huber's loss where the sum is asked for", "Huber's loss", true],
  ["test_accuracy", "Accuracy", "share of symbols", false],
];

export default runView(async ({ model, packs, root, closing }) => {
  const whole = replaced(h("div"));
  closing.push(whole.close);
  const kept: Kept = { pack: "", at: null };
  let step: (last: number) => number = (last) => stepOf(model, last);
  const draw = async () => {
    const [pack, main] = await Promise.all([packs.get("future"), packs.get("curves")]);
    const others = packs.has("measures") ? await packs.get("measures") : null;
    const tables = [main, ...(others ? [others] : [])].map((one) => new Curves(one));
    const last = tables[0]!.lastStep;
    const part = await show(packs, pack, tables, model, step(last), kept);
    if (!whole.el().isConnected) root.replaceChildren(whole.el());
    carry(whole.el(), part.el);
    await whole.show(part);
    step = (now) => (part.step() >= last ? now : part.step()); // who stands at the end goes along
  };
  await draw();
  return draw;
});

async function show(packs: Packs, pack: Pack, tables: Curves[], model: Model, step: number, kept: Kept): Promise<Part & { step: () => number }> {
  const root = h("div");
  const groups = pack.document.groups as Group[];
  const store = new Store<Look>({ step, group: 0 });
  const group = () => groups[store.state.group]!;
  const parts: Linked[] = [];
  const play = player(store, tables[0]!.lastStep);
  const curves = curveCharts(tables, store, group, play.scrub);
  parts.push({ build: curves.build, tell: curves.tell, close: curves.close });
  const controls = h("div", { class: "lb-controls" });
  if (groups.length > 1)
    add(controls, select("Arms", groups.map((one, i): [string, string] => [String(i), one.label || "all"]), "0", (value) => store.set({ group: Number(value) })));
  add(
    root,
    h("p", { class: "lb-lead" }, "Vanilla networks may compute now what helps later; in myopic ones no later loss reaches back. Scrub the training and see where that costs, and what the layers hold."),
    h("div", { class: "lb-sticky" }, controls, play.el, curves.area),
  );
  if (pack.arrays.by_place) {
    const places = placePictures(pack, store, group);
    parts.push({ tell: places.tell, build: places.tell, close: () => places.charts.forEach((chart) => chart.close()) });
    add(root, section("Where in the sequence", "Bold: median over seeds. Faint: one seed. Band: their range. The gap pairs networks of one seed and the same data.", places.told, h("div", { class: "lb-grid lb-two" }, ...places.charts.map((chart) => chart.el))));
  }
  for (const [name, title] of [["lags", "What the layers hold of numbers before"], ["lens", "What the layers hold of tokens ahead"]] as const) {
    if (!pack.arrays[name]) continue;
    const maps = mapPictures(name, pack, store, group);
    parts.push(maps);
    add(root, section(title, "", maps.note, maps.area));
  }
  if (pack.arrays.push) {
    const pushes = pushPictures(pack, store, group);
    parts.push(pushes);
    add(root, section("Whether later places use it", "The state after block 1 is pushed as far as moves a probe's reading by 1, some places before the last: how far does the last sum move? A network that adds up what stands there has slope 1 on the terms of its sum and 0 beyond.", pushes.area));
  }
  const split = gradientCharts(tables, store, group, play.scrub);
  if (split) {
    parts.push(split);
    add(root, section("The gradient's two parts", "How much of a step is for the loss at its own place (present), how much for losses at later places (future), and whether the two agree. A cosine of 0 means at right angles, as random directions are.", split.area));
  }
  let sample: ReturnType<typeof samplePicture> | null = null;
  if (pack.document.samples.length) {
    sample = samplePicture(packs, pack.document.samples, store, () => group().label, kept);
    const one = sample;
    parts.push({ tell: () => one.step(), build: () => void one.change(), close: one.close });
    add(root, section("Symbol by symbol", "Red: the vanilla network was less surprised than the myopic one of its seed. Point at a symbol, or focus the text and use the arrow keys.", one.el));
    await one.change();
  }
  const stops = [
    store.on(["step"], () => parts.forEach((part) => part.tell())),
    store.on(["group"], () => parts.forEach((part) => part.build?.())),
    linkTraits(model, store, [stepTrait(() => tables[0]!.lastStep)]),
  ];
  const close = () => {
    play.stop();
    stops.forEach((stop) => stop());
    parts.forEach((part) => part.close?.());
  };
  return { el: root, close, step: () => store.state.step };
}

// Charts over steps, a series an arm; made anew for another group.
function chartsOf(make: () => (ChartOptions & { title: string })[], classes: string, store: Store<Look>) {
  const area = h("div", { class: classes });
  let charts: Chart[] = [];
  const build = () => {
    charts.forEach((chart) => chart.close());
    charts = make().map((options) => new Chart(options));
    area.replaceChildren(...charts.map((chart) => chart.el));
    tell();
  };
  const tell = () => charts.forEach((chart) => chart.mark(store.state.step));
  build();
  return { area, build, tell, close: () => charts.forEach((chart) => chart.close()) };
}

function seriesOf(tables: Curves[], column: string, group: Group) {
  const table = tables.find((one) => one.has(column));
  if (!table) return [];
  return group.arms
    .map((arm) => table.series(column, arm.name, colourOf(group, arm), arm.members))
    .filter((series) => series.lines.some((line) => Array.from(line).some(Number.isFinite)));
}

function curveCharts(tables: Curves[], store: Store<Look>, group: () => Group, scrub: (step: number) => void) {
  const unit = tables[0]!.document.loss_unit as string;
  const beside = BESIDE.find(([column]) => tables.some((one) => one.has(column)));
  return chartsOf(
    () => {
      const found = [{ title: `Test loss: ${unit}`, unit, series: seriesOf(tables, "test_loss", group()), log: !unit.includes("nats"), scrub }];
      if (beside)
        found.push({ title: beside[1], unit: beside[2], series: seriesOf(tables, beside[0], group()), log: beside[3], scrub });
      return found.filter((one) => one.series.length);
    },
    "lb-grid lb-two lb-charts",
    store,
  );
}

function gradientCharts(tables: Curves[], store: Store<Look>, group: () => Group, scrub: (step: number) => void) {
  if (!tables.some((one) => one.has("gradient_cosine"))) return null;
  const make = () => {
    const charts: ChartOptions[] = [
      { title: "Cosine between present and future part", unit: "cosine", series: seriesOf(tables, "gradient_cosine", group()), scrub, height: 190 },
      { title: "Length of the future part over the present part", unit: "ratio", series: seriesOf(tables, "future_over_diagonal", group()), scrub, height: 190 },
    ];
    for (const arm of group().arms) {
      const alone: Group = { label: "", arms: [arm] };
      const parts = [["gradient_diagonal", "present", "--lb-cycle-2"], ["gradient_future", "future", "--lb-cycle-4"], ["gradient_total", "whole", "--lb-cycle-6"]] as const;
      const series = parts.flatMap(([column, name, colour]) => seriesOf(tables, column, alone).map((one) => ({ ...one, name, colour })));
      if (series.length) charts.push({ title: `Lengths, ${arm.name}`, unit: "norm of the gradient", series, log: true, scrub, height: 190 });
    }
    return charts.filter((one) => one.series.length);
  };
  return chartsOf(make, "lb-grid lb-two", store);
}
