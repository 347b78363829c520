// Functions learned in context: points to move, errors by number of pairs, errors while training; all at one step.
import { Curves } from "../../data/curves";
import { clamp } from "../../draw/axes";
import { Chart, type Series } from "../../draw/chart";
import { add, alarm, clear, h, offer, select } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store, type Shared } from "../../draw/store";
import { carry, replaced, type Part } from "../../draw/swap";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits, type Trait } from "../../host/traits";
import { inTurns } from "../../host/turns";
import { stepOf, stepTrait } from "../../host/whereabouts";
import { REACH } from "./board";
import { pairCharts } from "./pairs";
import { playground, type Play, type Playground, type Put } from "./playground";
import { classWord, mixtureWords, NETWORK_COLOURS } from "./words";

interface State extends Play {
  seed: number; // whose networks are shown
}

// Points are pairs of x and y: what Python sees is rounded, and what it puts beyond the picture stands at its edge.
const pairsOf = (points: Put["points"]) => points.map(({ x, y }) => [Math.round(1e4 * x) / 1e4, Math.round(1e4 * y) / 1e4]);
const pointsOf = (pairs: [number, number][]): Put["points"] => pairs.map(([x, y]) => ({ x: clamp(x, -REACH.x, REACH.x), y: clamp(y, -REACH.y, REACH.y) }));

export default runView(async ({ model, packs, root, closing }) => {
  let curves = new Curves(await packs.get("curves"));
  const seeds = () => packs.numbers("points-");
  const asked = model.get("seed");
  const store = new Store<State>({
    step: stepOf(model, curves.lastStep),
    put: { points: pointsOf(model.get("points") ?? []), blend: null, own: true },
    seed: seeds().includes(asked) ? asked : (seeds()[0] ?? 0),
  });
  const play = player(store, curves.lastStep);
  closing.push(play.stop);
  clear(root);
  const controls = h("div", { class: "lb-controls" });
  add(root, h("div", { class: "lb-sticky" }, controls, play.el));

  let reopen: () => unknown = () => {};
  const traits: Trait<State>[] = [
    stepTrait(() => curves.lastStep),
    { name: "points", key: "put", tell: ({ points }: Put) => pairsOf(points), take: (given) => ({ ...store.state.put, points: pointsOf(given), own: true }) },
  ];
  if (seeds().length) {
    const place = replaced(h("div"));
    let shown: Playground | null = null;
    let open = -1; // whose networks are shown
    const show = inTurns(async () => {
      const own = store.state.seed;
      const first = await packs.get(`points-${own}`);
      const earlier = packs.has(`earlier-${own}`) ? () => packs.get(`earlier-${own}`) : null;
      if (closing.closed || (own === open && shown?.renew(first, earlier))) return;
      shown = playground(first, earlier, store, model.get("blend"));
      if (own === open) carry(place.el(), shown.el);
      open = own;
      await place.show(shown);
    });
    const box = select("Networks of seed", [], "", (value) => store.set({ seed: Number(value) }));
    const choices = () => {
      if (seeds().length > 1 && !box.parentElement) add(controls, box);
      offer(box, seeds().map((one): [string, string] => [String(one), String(one)]), String(store.state.seed));
    };
    closing.push(
      store.on(["seed"], () => {
        choices();
        // Those of another seed must not stay under this one's name.
        show().catch((error: Error) => {
          [shown, open] = [null, -1];
          return place.show(refused(error));
        });
      }),
    );
    traits.push(
      { name: "seed", key: "seed", tell: (seed) => seed, take: (seed) => (seeds().includes(seed) ? seed : store.state.seed) },
      { name: "blend", key: "put", tell: ({ blend, own }: Put) => (blend && !own ? [blend.drawn, blend.share, blend.count] : []), take: (given) => shown?.onBlend(given) ?? store.state.put },
    );
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
  closing.push(errors.close, training.close, linkTraits(model, store, traits));
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
function trainingCharts(curves: Curves, store: Shared<{ step: number }>, scrub: (step: number) => void) {
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
