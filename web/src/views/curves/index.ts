// Every logged quantity of any run: all members faint, the median bold, the middle half as a band; arms in colours.
import { Curves, splitSeries } from "../../data/curves";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits, type Trait } from "../../host/traits";
import { inTurns } from "../../host/turns";
import { stepOf, stepTrait } from "../../host/whereabouts";
import { Chart, type ChartOptions, type Series } from "../../draw/chart";
import { add, button, clear, h, offer, select } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { replaced } from "../../draw/swap";

const MOST_ARMS = 8;
const AT_ONCE = 12; // charts of measures drawn without being asked

export default runView(async ({ model, packs, root, closing }) => {
  let charts: Chart[] = [];
  let curves = new Curves(await packs.get("curves"));
  // An arm by its label: places in the list change while members begin to train. Empty: all of them.
  const arms = () => curves.document.arms as { label: string; members: number[] }[];
  const named = (arm: { label: string }) => arm.label || "all";
  const known = (label: unknown) => arms().map(named).find((name) => name === label) ?? "";
  const store = new Store({ step: stepOf(model, curves.lastStep), arm: known(model.get("arm")) });
  const play = player(store, curves.lastStep);
  const area = replaced(h("div"));
  let most = AT_ONCE;
  const places = () => arms().find((arm) => named(arm) === store.state.arm)?.members;
  const make = (options: Omit<ChartOptions, "scrub">) => {
    const chart = new Chart({ ...options, scrub: play.scrub, logX: curves.document.log_steps });
    chart.mark(store.state.step);
    charts.push(chart);
    return chart.el;
  };
  const draw = inTurns(async () => {
    const measures = packs.has("measures") ? new Curves(await packs.get("measures")) : null;
    charts = [];
    const main = h("div", { class: "lb-grid lb-two" }, ...mainCharts(curves, places(), make));
    if (!store.state.arm && arms().length > 1 && arms().length <= MOST_ARMS) add(main, ...armCharts(curves, arms(), make));
    const quantities = measures?.names ?? [];
    more.hidden = quantities.length <= most;
    more.textContent = `Show all ${quantities.length} measured quantities`;
    const others = quantities.slice(0, most).map((name) =>
      make({ title: measures!.unit(name), unit: measures!.unit(name), series: [measures!.series(name, "median", "--lb-cycle-0", places())] }),
    );
    const own = [...charts];
    const el = h("div", {}, thinned(curves), main, quantities.length > 0 && thinned(measures!), h("div", { class: "lb-grid lb-two" }, ...others));
    await area.show({ el, close: () => own.forEach((chart) => chart.close()) });
  });
  const more = button("", () => {
    most = Infinity;
    void draw();
  });
  clear(root);
  const controls = h("div", { class: "lb-controls" });
  const box = select("Members", [["", "all members"]], "", (arm) => store.set({ arm }));
  const choices = () => {
    if (arms().length > 1 && !box.parentElement) add(controls, box);
    offer(box, [["", "all members"], ...arms().map((arm): [string, string] => [named(arm), named(arm)])], store.state.arm);
  };
  choices();
  add(root, controls, play.el, area.el(), more);
  store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  store.on(["arm"], () => {
    choices();
    void draw();
  });
  const armTrait: Trait<{ arm: string }> = { name: "arm", key: "arm", tell: (arm) => arm, take: known };
  closing.push(play.stop, area.close, linkTraits(model, store, [stepTrait(() => curves.lastStep), armTrait]));
  await draw();
  return () =>
    goAlong(packs, store, curves.lastStep, async (fresh) => {
      curves = fresh;
      play.setLast(fresh.lastStep);
      choices();
      await draw();
    });
});

function thinned(curves: Curves): HTMLElement | null {
  return curves.thinned ? h("p", { class: "lb-note" }, curves.thinned) : null;
}

type Make = (options: Omit<ChartOptions, "scrub">) => HTMLElement;

function mainCharts(curves: Curves, places: number[] | undefined, make: Make): HTMLElement[] {
  const made = [];
  const accuracy = splitSeries(curves, "accuracy", places);
  if (accuracy.length) made.push(make({ title: "Accuracy", unit: "share", series: accuracy, range: [0, 1], chance: curves.chance(places) }));
  const loss = splitSeries(curves, "loss", places);
  const log = loss.every((series) => series.lines.every((line) => Array.from(line).every((v) => !(v <= 0))));
  if (loss.length) made.push(make({ title: `Loss: ${curves.document.loss_unit}`, unit: curves.document.loss_unit, series: loss, log }));
  const rest = curves.names.filter((name) => !/^(train|test|clean)_(loss|accuracy)$/.test(name));
  return [...made, ...rest.map((name) => make({ title: curves.unit(name), unit: curves.unit(name), series: [curves.series(name, "median", "--lb-cycle-0", places)] }))];
}

// One line for each arm: the median over its seeds.
function armCharts(curves: Curves, arms: { label: string; members: number[] }[], make: Make): HTMLElement[] {
  return ["test_accuracy", "test_loss"].filter((name) => curves.has(name)).map((name) => {
    const series: Series[] = arms.map((arm, i) => curves.series(name, arm.label, `--lb-cycle-${i % 8}`, arm.members));
    const accuracy = name.endsWith("accuracy");
    return make({ title: `${accuracy ? "Test accuracy" : "Test loss"} by setting`, unit: curves.unit(name), series, log: !accuracy, ...(accuracy ? { range: [0, 1] as [number, number] } : {}) });
  });
}
