// Functions learned in context: points to move, errors by number of pairs, errors while training; all at one step.
import { Curves } from "../../data/curves";
import { Chart, type Series } from "../../draw/chart";
import { add, alarm, clear, h, offer, select } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { carry, replaced, type Part } from "../../draw/swap";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits, type Trait } from "../../host/traits";
import { inTurns } from "../../host/turns";
import { stepOf, stepTrait } from "../../host/whereabouts";
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
  const store = new Store<Play>({ step: stepOf(model, curves.lastStep), points: POINTS.take(model.get("points") ?? []) });
  const play = player(store, curves.lastStep);
  closing.push(play.stop);
  clear(root);
  const controls = h("div", { class: "lb-controls" });
  add(root, h("div", { class: "lb-sticky" }, controls, play.el));

  let reopen: () => unknown = () => {};
  const seeds = () => packs.numbers("points-");
  if (seeds().length) {
    const place = replaced(h("div"));
    let shown: Playground | null = null;
    let seed = seeds()[0]!;
    let open = -1; // whose networks are shown
    const show = inTurns(async () => {
      const own = seed;
      const first = await packs.get(`points-${own}`);
      const earlier = packs.has(`earlier-${own}`) ? () => packs.get(`earlier-${own}`) : null;
      if (closing.closed || (own === open && shown?.renew(first, earlier))) return;
      shown = playground(first, earlier, store);
      if (own === open) carry(place.el(), shown.el);
      open = own;
      await place.show(shown);
    });
    const box = select("Networks of seed", [], "", (value) => {
      seed = Number(value);
      // Those of another seed must not stay under this one's name.
      show().catch((error: Error) => {
        [shown, open] = [null, -1];
        return place.show(refused(error));
      });
    });
    const choices = () => {
      if (seeds().length > 1 && !box.parentElement) add(controls, box);
      offer(box, seeds().map((one): [string, string] => [String(one), String(one)]), String(seed));
    };
    choices();
    reopen = () => {
      choices();
      return show();
    };
    closing.push(place.close);
    add(root, place.el());
    await show();
  }
  // What is drawn whole when the run has moved on.
  const errors = replaced(h("div", { class: "lb-room" }, h("p", { class: "lb-note", role: "status" }, "What needs no training is being worked out…")));
  const training = replaced(h("div"));
  closing.push(errors.close, training.close, linkTraits(model, store, [stepTrait(() => curves.lastStep), POINTS]));
  const drawPairs = async () => {
    if (!packs.has("pairs")) return;
    if (!errors.el().isConnected) root.insertBefore(errors.el(), training.el());
    await packs.get("pairs").then(
      (pack) => errors.show(pairCharts(pack, store)),
      (error: Error) => errors.show(refused(error)),
    );
  };
  add(root, training.el());
  await training.show(trainingCharts(curves, store, play.scrub));
  // The references take seconds to work out when they are first asked for: nobody waits for them.
  void drawPairs();
  return () =>
    goAlong(packs, store, curves.lastStep, async (fresh) => {
      curves = fresh;
      play.setLast(fresh.lastStep);
      await Promise.all([training.show(trainingCharts(fresh, store, play.scrub)), reopen(), drawPairs()]);
    });
});

function refused(error: Error): Part {
  return { el: alarm(error.message), close: () => {} };
}

// Test errors over steps, a line for each mixture.
function trainingCharts(curves: Curves, store: Store<Play>, scrub: (step: number) => void) {
  const series = (name: string): Series[] => {
    const arms = curves.document.arms as { label: string; members: number[] }[];
    return arms.map((arm, i) => curves.series(name, arms.length > 1 ? mixtureLabel(arm.label) : "median", NETWORK_COLOURS[i % NETWORK_COLOURS.length]!, arm.members));
  };
  const charts = curves.names.filter((name) => name.endsWith("_loss")).map((name) => {
    const chart = new Chart({ title: `While training: ${title(name)}`, unit: "mean squared error", series: series(name), log: true, scrub, logX: curves.document.log_steps });
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
