// Functions learned in context: points to move, errors by number of pairs, errors while training; all at one step.
import { Curves } from "../../data/curves";
import { Chart, type Series } from "../../draw/chart";
import { add, clear, h, select } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits, type Trait } from "../../host/traits";
import { pairCharts } from "./pairs";
import { playground, type Play, type Playground } from "./playground";
import { classWord, mixtureWords, NETWORK_COLOURS } from "./words";

// Points as pairs of x and y: what Python sees is rounded.
const POINTS = {
  name: "points",
  key: "points",
  tell: (points: Play["points"]) => points.map(({ x, y }) => [Math.round(1e4 * x) / 1e4, Math.round(1e4 * y) / 1e4]),
  take: (given: [number, number][]) => given.map(([x, y]) => ({ x, y })),
} satisfies Trait<Play>;

export default runView(async ({ model, packs, root, closing }) => {
  let curves = new Curves(await packs.get("curves"));
  const store = new Store<Play>({ step: model.get("step") ?? curves.lastStep, points: POINTS.take(model.get("points") ?? []) });
  const play = player(store, curves.lastStep);
  closing.push(play.stop);
  clear(root);
  const controls = h("div", { class: "lb-controls" });
  add(root, h("div", { class: "lb-sticky" }, controls, play.el));

  let reopen = async () => {};
  const seeds = packs.numbers("points-");
  if (seeds.length) {
    const place = h("div");
    let shown: Playground | null = null;
    const open = async (seed: number) => {
      reopen = () => open(seed);
      const first = await packs.get(`points-${seed}`);
      const earlier = packs.has(`earlier-${seed}`) ? () => packs.get(`earlier-${seed}`) : null;
      shown?.close();
      shown = playground(first, earlier, store);
      place.replaceChildren(shown.el);
    };
    closing.push(() => shown?.close());
    if (seeds.length > 1) add(controls, select("Networks of seed", seeds.map((seed): [string, string] => [String(seed), String(seed)]), String(seeds[0]), (value) => void open(Number(value))));
    add(root, place);
    await open(seeds[0]!);
  }
  const errors = h("div", { class: "lb-room" }, h("p", { class: "lb-note", role: "status" }, "What needs no training is being worked out…"));
  if (packs.has("pairs")) {
    add(root, errors);
    // The references take seconds to work out when they are first asked for: nobody waits for them.
    void packs.get("pairs").then((pack) => {
      const charts = pairCharts(pack, store);
      errors.replaceChildren(charts.el);
      closing.push(charts.close);
    }, (error: Error) => errors.replaceChildren(h("p", { class: "lb-error", role: "alert" }, error.message)));
  }
  const training = trainingCharts(curves, store, play.scrub);
  add(root, training.el);
  closing.push(training.close, linkTraits(model, store, ["step", POINTS]));
  return () =>
    goAlong(packs, store, curves.lastStep, (fresh) => {
      curves = fresh;
      play.setLast(fresh.lastStep);
      training.renew(fresh);
      return reopen();
    });
});

// Test errors over steps, a line for each mixture.
function trainingCharts(first: Curves, store: Store<Play>, scrub: (step: number) => void) {
  const series = (curves: Curves, name: string): Series[] => {
    const arms = curves.document.arms as { label: string; members: number[] }[];
    return arms.map((arm, i) => curves.series(name, arms.length > 1 ? mixtureLabel(arm.label) : "median", NETWORK_COLOURS[i % NETWORK_COLOURS.length]!, arm.members));
  };
  const names = first.names.filter((name) => name.endsWith("_loss"));
  const charts = names.map((name) => {
    const chart = new Chart({ title: `While training: ${title(name)}`, unit: "mean squared error", series: series(first, name), log: true, scrub, logX: first.document.log_steps });
    chart.mark(store.state.step);
    return chart;
  });
  const leave = store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  return {
    el: h(
      "section",
      { class: "lb-section" },
      h("h3", {}, "Error while training"),
      h("p", {}, "Mean squared error over all places of the test prompts. Move over a chart to go to that step."),
      h("div", { class: "lb-grid lb-two" }, ...charts.map((chart) => chart.el)),
    ),
    renew: (curves: Curves) => charts.forEach((chart, i) => chart.update(series(curves, names[i]!))),
    close() {
      leave();
      charts.forEach((chart) => chart.close());
    },
  };
}

function title(column: string): string {
  const own = column.replace(/^test_/, "").replace(/_loss$/, "");
  return own === "train" ? "training prompts" : `prompts of ${classWord(own)}`;
}

function mixtureLabel(label: string): string {
  return label.replace(/mixture ([^,]+)/, (_, mixture: string) => `on ${mixtureWords(mixture)}`);
}
