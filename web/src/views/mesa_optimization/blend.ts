// From the network to the algorithm it compresses to: the blend runs here, and its loss and predictions redraw.
import { shownSteps } from "../../draw/axes";
import { nextFrame } from "../../draw/frame";
import { add, h, select, slider } from "../../draw/dom";
import { Lines, rangeOf, type Line } from "../../draw/lines";
import type { Shared } from "../../draw/store";
import { between, lossByPlace, oneStep, run, type Stack } from "../../math/linear_attention";
import type { Look } from "./look";
import type { NetworkFilm } from "./network";

const SHARES = Array.from({ length: 11 }, (_, i) => i / 10);

export function blendPictures(film: NetworkFilm, store: Shared<Look>) {
  const { width, states, tokens } = film;
  const places = states[0]!.length / width - 1;
  const x = Array.from({ length: places }, (_, i) => i + 1);
  let from = "same"; // which snapshot is compressed: the one shown, or the last
  let [row, output] = [0, 0];
  const rate = film.document.rate as number;
  const stepped = states.map((own) => oneStep(own, width, rate));
  const ridge = film.pack.arrays.ridge!;
  const ridgeRows = states.map((_, i) => (ridge.data as Float32Array).subarray(i * places * width, (i + 1) * places * width));
  const losses = (stack: Stack) => lossByPlace(tokens.map((own) => run(stack, own)), states, width);
  const reference = { step: lossByPlace(stepped, states, width), ridge: lossByPlace(ridgeRows, states, width) };

  // Ends are computed once a snapshot, the blend whenever anything moves, the curve over shares one point a frame.
  let ends: { key: string; network: Stack; small: Stack; loss: [Float64Array, Float64Array] } | null = null;
  let now: { loss: Float64Array; said: Float64Array } = { loss: new Float64Array(places), said: new Float64Array(places * width) };
  let curve: number[] = [];
  const curveAt: { key: string; next: number } = { key: "", next: 0 };

  const compute = () => {
    const frame = film.frame(store.state.step);
    const other = from === "same" ? frame : film.steps.length - 1;
    const key = `${frame}/${other}`;
    if (ends?.key !== key) {
      const [network, small] = [film.stack(frame), film.compressed(other)];
      ends = { key, network, small, loss: [losses(network), losses(small)] };
      curve = SHARES.map(() => NaN);
      curve[0] = mean(ends.loss[0]);
      curve[10] = mean(ends.loss[1]);
    }
    const stack = between(ends.network, ends.small, store.state.share);
    const said = tokens.map((own) => run(stack, own));
    now = { loss: lossByPlace(said, states, width), said: said[row]! };
    if (curveAt.key !== key) {
      Object.assign(curveAt, { key, next: 1 });
      nextFrame(goOn);
    }
  };
  const goOn = () => {
    if (!ends || curveAt.next >= 10) return;
    curve[curveAt.next] = mean(losses(between(ends.network, ends.small, SHARES[curveAt.next]!)));
    curveAt.next++;
    charts[2]!.redraw();
    nextFrame(goOn);
  };
  const told = h("p", { class: "lb-verdict", role: "status" });
  const tell = () => {
    compute();
    const [network, small] = ends!.loss.map(mean) as [number, number];
    told.textContent = `${percent(store.state.share)} of the way: loss ${mean(now.loss).toFixed(4)}. Network (step ${shownSteps(film.steps[film.frame(store.state.step)]!)}) ${network.toFixed(4)}, compressed ${small.toFixed(4)}, one gradient step ${mean(reference.step).toFixed(4)}, ridge ${mean(reference.ridge).toFixed(4)}; on the ${states.length} sequences computed here.`;
    charts.forEach((chart) => chart.redraw());
  };
  const thin = (name: string, values: ArrayLike<number>, colour: string, dash: number[]): Line => ({ name, colour, lines: [values], dash, thin: true });
  const bold = (name: string, values: ArrayLike<number>, colour: string): Line => ({ name, colour, lines: [values] });
  const byPlace = () => [
    ...(ends ? [thin("network", ends.loss[0], "--lb-cycle-0", []), thin("compressed", ends.loss[1], "--lb-cycle-2", [])] : []),
    thin("one gradient step", reference.step, "--lb-text", [6, 4]),
    thin("ridge", reference.ridge, "--lb-faint", [2, 3]),
    bold("blend", now.loss, "--lb-accent"),
  ];
  const pick = (values: ArrayLike<number>, shift = 0) => Float64Array.from({ length: places }, (_, t) => values[(t + shift) * width + output]!);
  const said = () => [
    bold("what comes next", pick(states[row]!, 1), "--lb-cycle-7"),
    thin("one gradient step", pick(stepped[row]!), "--lb-text", [6, 4]),
    thin("ridge", pick(ridgeRows[row]!), "--lb-faint", [2, 3]),
    bold("blend", pick(now.said), "--lb-accent"),
  ];
  const zero = lossByPlace(states.map(() => new Float64Array(places * width)), states, width);
  const charts = [
    new Lines({ title: "Loss by length of the context", unit: "half the squared error", xTitle: "states seen", x: () => x, series: byPlace, range: () => rangeOf([zero, reference.ridge, reference.step], { log: true }), log: true, xWords: (v) => `${v} seen` }),
    new Lines({ title: "Predictions for one sequence", unit: "number of the state", xTitle: "states seen", x: () => x, series: said, range: () => rangeOf([pick(states[row]!, 1)]).map((v) => 1.25 * v) as [number, number], zero: true, xWords: (v) => `${v} seen` }),
    new Lines({
      title: "Loss along the way",
      unit: "half the squared error",
      xTitle: "share of the compressed form",
      x: () => SHARES,
      series: () => [bold("blend", curve, "--lb-accent"), thin("one gradient step", SHARES.map(() => mean(reference.step)), "--lb-text", [6, 4]), thin("ridge", SHARES.map(() => mean(reference.ridge)), "--lb-faint", [2, 3])],
      range: () => rangeOf([SHARES.map(() => mean(zero)), SHARES.map(() => mean(reference.ridge))], { log: true }),
      log: true,
      cursor: () => store.state.share,
      xWords: percent,
    }),
  ];
  const control = slider({ label: "From the network to its compressed form", min: 0, max: 1, step: 0.01, value: store.state.share, shown: percent, change: (share) => store.set({ share }), wide: true });
  control.el.classList.add("lb-blend");
  const el = h("div");
  const controls = h(
    "div",
    { class: "lb-controls" },
    select("Compressed from", [["same", "the snapshot shown"], ["last", "the last snapshot"]], from, (value) => { from = value; tell(); }),
    slider({ label: "Sequence", min: 1, max: states.length, value: 1, change: (value) => { row = value - 1; tell(); } }).el,
    ...(width > 1 ? [slider({ label: "Number of the state", min: 1, max: width, value: 1, change: (value) => { output = value - 1; tell(); } }).el] : []),
  );
  add(el, control.el, told, controls, h("div", { class: "lb-grid lb-three-up" }, ...charts.map((chart) => chart.el)));
  tell();
  return {
    el,
    tell: () => {
      control.set(store.state.share);
      tell();
    },
    close: () => charts.forEach((chart) => chart.close()),
  };
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
