// A network that learns in the page: controls, curves as they come, and the linked pictures of its weights.
import source from "worker:./worker.ts";
import { Chart, type Series } from "../../draw/chart";
import { shownSteps } from "../../draw/axes";
import { add, button, h, numberBox, slider } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { dress } from "../../draw/theme";
import type { Rendering } from "../../host/model";
import { thread, type Thread } from "../../host/thread";
import { DEFAULTS, type Settings } from "../../math/train";
import { Film } from "../grokking/film";
import { grid, modularPictures, type Look } from "../grokking/modular";
import type { Told } from "./worker";

const MOST_FRAMES = 600; // weights that are kept, beside the first ones
const REGROUP = 1500; // milliseconds between new sortings of the neurons while it trains

function render({ model, el }: Rendering): () => void {
  const undress = dress(el);
  const settings: Settings = { ...DEFAULTS, ...(model.get("settings") ?? {}) };
  let length = model.get("steps") ?? 2000;
  let worker: Thread | null = null;
  let closePictures = () => {};
  const state = h("p", { class: "lb-verdict", role: "status" }, "Not begun.");
  const place = h("div");
  const pictures = h("div");
  const halt = button("Pause", () => pause(halt.textContent === "Pause"));
  halt.disabled = true;
  const start = button("Train", () => begin(), { class: "lb-call" });

  const pause = (stop: boolean) => {
    worker?.post({ go: !stop });
    halt.textContent = stop ? "Go on" : "Pause";
  };

  const begin = () => {
    worker?.close();
    closePictures();
    const own = { ...settings };
    const until = length;
    const film = new Film(own.p, own.hidden);
    const x: number[] = [];
    const lines = { trainLoss: [] as number[], testLoss: [] as number[], trainAccuracy: [] as number[], testAccuracy: [] as number[] };
    const series = (quantity: "Loss" | "Accuracy"): Series[] => [
      { name: "train", colour: "--lb-train", dashed: true, x, lines: [lines[`train${quantity}`]] },
      { name: "test", colour: "--lb-test", x, lines: [lines[`test${quantity}`]] },
    ];
    const store = new Store<Look>({ step: 0, neuron: null, joined: true, a: Math.min(5, own.p - 1), b: Math.min(8, own.p - 1) });
    const scrub = (step: number) => {
      play.stop();
      store.set({ step: Math.min(Math.round(step), x.at(-1) ?? 0) });
    };
    const charts = [
      new Chart({ title: "Accuracy", unit: "share of rows", series: series("Accuracy"), range: [0, 1], chance: 1 / own.p, scrub }),
      new Chart({ title: "Loss: cross-entropy (nats)", unit: "nats", series: series("Loss"), log: true, scrub }),
    ];
    const play = player(store, 1);
    place.replaceChildren(play.el, grid("lb-two lb-charts", charts));
    let shown: ReturnType<typeof modularPictures> | null = null;
    let sorted = 0;
    store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
    const rebuild = () => {
      shown?.close();
      shown = modularPictures(film, store);
      pictures.replaceChildren(shown.el);
      sorted = performance.now();
    };
    closePictures = () => {
      play.stop();
      charts.forEach((chart) => chart.close());
      shown?.close();
    };
    const take = (data: Told & { done?: boolean }) => {
      if (data.done) {
        halt.disabled = true;
        state.textContent += " Done.";
        rebuild();
        return;
      }
      const atEnd = store.state.step >= (x.at(-1) ?? 0); // who stands at the end goes along
      film.add(data.step, { p: own.p, neurons: own.hidden, first: data.first, second: data.first, out: data.out, activation: "relu" });
      x.push(data.step);
      lines.trainLoss.push(data.train.loss);
      lines.testLoss.push(data.test.loss);
      lines.trainAccuracy.push(data.train.accuracy);
      lines.testAccuracy.push(data.test.accuracy);
      charts[0]!.update({ series: series("Accuracy") });
      charts[1]!.update({ series: series("Loss") });
      play.setLast(data.step || 1);
      const percent = (value: number) => `${Math.round(100 * value)} %`;
      state.textContent = `Step ${shownSteps(data.step)} of ${shownSteps(until)}, ${Math.round(data.perSecond)} steps a second. Train ${percent(data.train.accuracy)}, test ${percent(data.test.accuracy)}.`;
      if (!shown || (atEnd && performance.now() - sorted > REGROUP)) rebuild();
      if (atEnd) store.set({ step: data.step });
    };
    worker = thread(source, take, (why) => (state.textContent = `It could not be trained: ${why}`));
    worker.post({ begin: own, steps: until, every: Math.ceil(until / MOST_FRAMES) });
    halt.disabled = false;
    halt.textContent = "Pause";
    start.textContent = "Train again";
  };

  const log = (label: string, name: "lr" | "weightDecay", low: number, high: number) =>
    slider({
      label,
      min: low,
      max: high,
      step: 0.05,
      value: Math.log10(settings[name]),
      shown: (e) => Number((10 ** e).toPrecision(2)).toString(),
      change: (e) => (settings[name] = Number((10 ** e).toPrecision(2))),
    }).el;
  add(
    el,
    h(
      "div",
      { class: "lb-view" },
      h(
        "div",
        { class: "lb-controls" },
        numberBox("Modulus p", { min: 5, max: 113, value: settings.p, change: (p) => (settings.p = p) }),
        numberBox("Neurons", { min: 2, max: 64, value: settings.hidden, change: (n) => (settings.hidden = n) }),
        numberBox("Embedding", { min: 2, max: 256, value: settings.embed, change: (n) => (settings.embed = n) }),
        log("Weight decay", "weightDecay", -3, 1),
        log("Learning rate", "lr", -4, -1),
        slider({ label: "Rows to train on", min: 0.2, max: 0.8, step: 0.05, value: settings.fraction, shown: (v) => `${Math.round(100 * v)} %`, change: (v) => (settings.fraction = v) }).el,
        numberBox("Seed", { min: 0, max: 9999, value: settings.seed, change: (seed) => (settings.seed = seed) }),
        numberBox("Steps", { min: 10, max: 100000, value: length, change: (steps) => (length = steps) }),
        start,
        halt,
      ),
      state,
      place,
      pictures,
    ),
  );
  return () => {
    undress();
    worker?.close();
    closePictures();
  };
}

export default { render };
