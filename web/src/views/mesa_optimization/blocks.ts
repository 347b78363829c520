// A layer's products cut into channels: each block that is a number times the identity shows as a diagonal.
import { h, select, add, button } from "../../draw/dom";
import { Plot, pointerPlace } from "../../draw/plot";
import { shown, shownSteps } from "../../draw/axes";
import type { Shared } from "../../draw/store";
import { ramp, type Theme } from "../../draw/theme";
import { compressed } from "../../math/linear_attention";
import type { Look } from "./look";
import type { NetworkFilm } from "./network";

const KINDS = [
  ["qk", "query", "key"],
  ["ov", "value", "output"],
] as const;

export function blockPictures(film: NetworkFilm, store: Shared<Look>) {
  const el = h("div");
  const area = h("div");
  const controls = h("div", { class: "lb-controls" });
  const told = h("p", { class: "lb-verdict" });
  let layer = 0;
  let only = false; // the compressed form instead of the weights
  let plots: Plot[] = [];
  const last = film.steps.length - 1;
  const build = () => {
    plots.forEach((plot) => plot.close());
    plots = [];
    area.replaceChildren(
      ...KINDS.map(([kind, rows, columns]) => {
        const maps = Array.from({ length: film.heads }, (_, head) => blockMap(film, store, kind, () => layer, head, () => only, told, rows, columns));
        plots.push(...maps);
        const scale = h("span", { class: "lb-scale" }, ` −${shown(film.top(kind, layer))} to ${shown(film.top(kind, layer))}`);
        return h("div", {}, h("h4", {}, kind === "qk" ? "Which token attends to which: query by key" : "What is written from it: value by output", scale), h("div", { class: "lb-grid lb-maps" }, ...maps.map((plot) => plot.el)));
      }),
    );
  };
  if (film.layers > 1)
    add(controls, select("Layer", Array.from({ length: film.layers }, (_, i): [string, string] => [String(i), `${i + 1}: ${film.document.kinds[i]}`]), "0", (value) => { layer = Number(value); build(); }));
  add(controls, select("Shown", [["weights", "the weights"], ["compressed", "compressed: a number times the identity in every block"]], "weights", (value) => { only = value === "compressed"; plots.forEach((plot) => plot.redraw()); }));
  add(controls, button("before training", () => store.set({ step: film.steps[0]! })), button("after training", () => store.set({ step: film.steps[last]! })));
  add(el, controls, told, area);
  const tell = () => {
    told.textContent = `Snapshot at step ${shownSteps(film.steps[film.frame(store.state.step)]!)}.`;
    plots.forEach((plot) => plot.redraw());
  };
  build();
  tell();
  return { el, tell, close: () => plots.forEach((plot) => plot.close()) };
}

function blockMap(
  film: NetworkFilm,
  store: Shared<Look>,
  kind: "qk" | "ov",
  layer: () => number,
  head: number,
  only: () => boolean,
  told: HTMLElement,
  rows: string,
  columns: string,
): Plot {
  const { size, width } = film;
  const names = film.document.channels as string[];
  const out = kind === "ov" ? ["said", "–", "–", "–"] : names;
  const image = document.createElement("canvas");
  image.width = image.height = size;
  const label = `${kind === "qk" ? "Query by key" : "Value by output"}, head ${head + 1}`;
  const [left, bottom] = [34, 20];
  const values = () => {
    const own = film.product(kind, film.frame(store.state.step), layer(), head);
    return only() ? compressed(own, size, width) : own;
  };
  const plot: Plot = new Plot({
    title: `head ${head + 1}`,
    label: `${label}: ${size} by ${size} weights in ${names.length} by ${names.length} blocks of channels ${names.join(", ")}.`,
    height: (room) => Math.min(room, 250) - left + bottom,
    className: "lb-small lb-map",
    draw(context, room, _height, theme: Theme) {
      const side = Math.min(room, 250) - left;
      const colours = ramp(theme);
      const pixels = new ImageData(size, size);
      const packed = new Uint32Array(pixels.data.buffer);
      const top = film.top(kind, layer());
      values().forEach((value, i) => (packed[i] = colours[Math.max(0, Math.min(510, 255 + Math.round((value * 255) / top)))]!));
      image.getContext("2d")!.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(image, left, 0, side, side);
      context.strokeStyle = theme.faint;
      context.lineWidth = 0.7;
      const step = (side * width) / size;
      context.beginPath();
      for (let edge = 0; edge <= names.length; edge++) {
        context.moveTo(left + edge * step, 0);
        context.lineTo(left + edge * step, side);
        context.moveTo(left, edge * step);
        context.lineTo(left + side, edge * step);
      }
      context.stroke();
      context.fillStyle = theme.faint;
      names.forEach((name, i) => {
        context.textBaseline = "middle";
        context.textAlign = "right";
        context.fillText(name, left - 4, (i + 0.5) * step);
        context.textBaseline = "top";
        context.textAlign = "center";
        context.fillText(out[i]!, left + (i + 0.5) * step, side + 4);
      });
    },
  });
  plot.canvas.addEventListener("pointermove", (event) => {
    const [x, y] = pointerPlace(event, plot.canvas);
    const side = Math.min(plot.width, 250) - left;
    const [row, column] = [Math.floor((y / side) * size), Math.floor(((x - left) / side) * size)];
    if (row < 0 || column < 0 || row >= size || column >= size) return;
    const channel = (i: number, list: string[]) => `${list[Math.floor(i / width)]} [${(i % width) + 1}]`;
    told.textContent = `Head ${head + 1}, ${rows} ${channel(row, names)}, ${columns} ${channel(column, out)}: ${values()[row * size + column]!.toFixed(4)}`;
  });
  return plot;
}
