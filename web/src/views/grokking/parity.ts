// A parity network: its layers as heat maps, and every input weight over time (figures 5 and 7 of the explorable).
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { clamp, drawAxes, makeScale } from "../../draw/axes";
import { h, section } from "../../draw/dom";
import { Heat } from "../../draw/heat";
import { Plot, pointerPlace } from "../../draw/plot";
import type { Shared } from "../../draw/store";
import { grid, type Look } from "./modular";

export function parityPictures(pack: Pack, store: Shared<Look>): { el: HTMLElement; close: () => void } {
  const { n, k } = pack.document as { n: number; k: number };
  const steps = [...pack.arrays.steps!.data];
  const neurons = pack.arrays.out!.shape[1]!;
  const input = pack.arrays.input!.data;
  const bias = pack.arrays.bias?.data;
  const out = pack.arrays.out!.data;
  const weight = (frame: number, digit: number, neuron: number): number =>
    digit < n ? input[(frame * n + digit) * neurons + neuron]! : (bias?.[frame * neurons + neuron] ?? 0);
  const columns = n + (bias ? 1 : 0);
  const frame = () => frameAt(steps, store.state.step);
  // Neurons with the largest weights on the digits that count come first.
  const size = (neuron: number) => Array.from({ length: k }, (_, d) => Math.abs(weight(steps.length - 1, d, neuron))).reduce((a, b) => a + b, 0);
  const order = Array.from({ length: neurons }, (_, i) => i).sort((a, b) => size(b) - size(a));
  const top = 4.5; // the explorable's colour range
  const word = (digit: number) => (digit < n ? `digit ${digit + 1}${digit < k ? " (counts)" : ""}` : "bias");
  const hover = (row: number | null) => store.set({ neuron: row === null ? null : order[row]! });

  const first = new Heat({
    title: "Input weights",
    label: `${neurons} neurons by ${n} digits${bias ? " and a bias" : ""}; the first ${k} digits decide the parity.`,
    rows: neurons,
    columns,
    top: () => top,
    value: (row, column) => weight(frame(), column, order[row]!),
    hover,
    axis: `digit 1 → ${n}${bias ? ", bias" : ""}; the first ${k} count`,
    columnWords: word,
    rowWords: (row) => `neuron ${row + 1}`,
  });
  const second = new Heat({
    title: "Output",
    label: `Output weights of ${neurons} neurons.`,
    rows: neurons,
    columns: 1,
    top: () => top,
    value: (row) => out[frame() * neurons + order[row]!]!,
    hover,
    axis: "output",
    plain: true,
    columnWords: () => "output",
    rowWords: (row) => `neuron ${row + 1}`,
  });
  second.el.classList.add("lb-narrow");
  const lines = trajectories();
  const redraw = () => {
    first.redraw();
    second.redraw();
    lines.move();
  };
  const leaving = [store.on(["step"], redraw), store.on(["neuron"], () => {
    const row = store.state.neuron === null ? null : order.indexOf(store.state.neuron);
    first.highlight(row);
    second.highlight(row);
    lines.plot.redraw();
  })];
  const el = h(
    "div",
    { class: "lb-linked" },
    section("Weights", "A row is a neuron. While the network memorises, every digit has weight; when it has generalised, the first digits are left.", h("div", { class: "lb-beside" }, first.el, second.el)),
    section("Every input weight over time", "Digits that count in colour, the bias pink, the distractors grey. Point at a row above to see one neuron alone.", grid("lb-stack", [lines.plot])),
  );
  return {
    el,
    close() {
      leaving.forEach((leave) => leave());
      first.close();
      second.close();
      lines.plot.close();
    },
  };

  function trajectories() {
    const cursor = h("div", { class: "lb-cursor" });
    let scale: ReturnType<typeof makeScale> | null = null;
    const move = () => {
      if (scale) cursor.style.transform = `translateX(${scale(clamp(store.state.step, steps[0]!, steps.at(-1)!))}px)`;
    };
    const plot = new Plot({
      title: "Input weights over steps",
      label: `The ${n * neurons} input weights over ${steps.at(-1)} steps; the first ${k} digits are coloured.`,
      height: 260,
      draw(context, width, height, theme) {
        const box = { left: 40, right: width - 12, top: 8, bottom: height - 38 };
        scale = makeScale(false, [steps[0]!, steps.at(-1)!], [box.left, box.right]);
        const y = makeScale(false, [-3, 3], [box.bottom, box.top]);
        drawAxes(context, theme, box, { scale, log: false, title: "step", whole: true }, { scale: y, log: false });
        context.save();
        context.beginPath();
        context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
        context.clip();
        const picked = store.state.neuron;
        const line = (digit: number, neuron: number) => {
          context.beginPath();
          steps.forEach((step, i) => {
            const [px, py] = [scale!(step), y(weight(i, digit, neuron))];
            if (i) context.lineTo(px, py);
            else context.moveTo(px, py);
          });
          context.stroke();
        };
        const shown = picked === null ? order : [picked];
        for (let digit = columns - 1; digit >= 0; digit--) {
          const counts = digit < k;
          context.strokeStyle = counts ? theme.cycle[digit % theme.cycle.length]! : digit === n ? theme.cycle[3]! : theme.faint;
          const bold = picked === null ? Math.max(0.35, Math.min(0.9, 12 / neurons)) : 0.95;
          context.globalAlpha = counts || digit === n ? bold : picked === null ? 0.13 : 0.5;
          context.lineWidth = counts ? 1.4 : 0.8;
          shown.forEach((neuron) => line(digit, neuron));
        }
        context.restore();
        move();
      },
    });
    plot.over.append(cursor);
    plot.canvas.addEventListener("pointermove", (event) => {
      if (!scale) return;
      const [x] = pointerPlace(event, plot.canvas);
      store.set({ step: Math.round(clamp(scale.invert(x), steps[0]!, steps.at(-1)!)) });
    });
    return { plot, move };
  }
}
