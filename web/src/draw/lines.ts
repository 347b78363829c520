// Lines over places, lags or shares: every seed faint, the median bold, the range over seeds as a band. Pointing at the
// chart, or the arrow keys in it, read the values there into the legend.
import { drawAxes, makeScale, shown, type Box, type Scale } from "./axes";
import { h } from "./dom";
import { Plot, pointerPlace, reading } from "./plot";
import { swatch } from "./swatch";
import type { Theme } from "./theme";

export interface Line {
  name: string;
  colour: string; // of the style sheet, such as "--lb-train"
  lines: ArrayLike<number>[]; // of each seed [x]; NaN where there is nothing
  dash?: number[];
  thin?: boolean; // a reference: no band, drawn thin
}

export interface LinesOptions {
  title: string;
  unit: string;
  xTitle: string;
  x: () => ArrayLike<number>;
  series: () => Line[];
  range: () => [number, number];
  log?: boolean;
  zero?: boolean; // a line at zero
  shade?: () => [from: number, to: number, text: string] | null; // a part of the x axis that matters
  cursor?: () => number | null; // an x that is marked from outside
  height?: number;
  xWords?: (x: number) => string;
}

const MARGIN = { left: 46, right: 12, top: 8, bottom: 38 };

export class Lines {
  readonly plot: Plot;
  private readonly legend: HTMLElement;
  private readonly told: HTMLElement;
  private readonly mark: HTMLElement;
  private x: Scale | null = null;
  private at: number | null = null; // which x is read
  private keys = "";

  constructor(private readonly options: LinesOptions) {
    this.plot = new Plot({
      title: options.title,
      label: this.words(),
      height: options.height ?? 220,
      draw: (context, width, height, theme) => this.draw(context, width, height, theme),
      className: "lb-chart",
    });
    this.legend = h("div", { class: "lb-legend" });
    this.told = h("span", { class: "lb-faint" });
    this.plot.caption.append(this.legend);
    this.mark = h("div", { class: "lb-cursor", hidden: true });
    this.plot.over.append(this.mark);
    this.listen();
    this.tell();
  }

  get el(): HTMLElement {
    return this.plot.el;
  }

  redraw(): void {
    this.tell();
    this.plot.redraw();
  }

  close(): void {
    this.plot.close();
  }

  private listen(): void {
    const { canvas } = this.plot;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => {
      if (!this.x) return;
      this.read(nearest(this.options.x(), this.x.invert(pointerPlace(event, canvas)[0])));
    });
    canvas.addEventListener("pointerleave", () => this.read(null));
    canvas.addEventListener("blur", () => {
      this.read(null);
      this.plot.say("");
    });
    canvas.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!by) return;
      event.preventDefault();
      const last = this.options.x().length - 1;
      const at = Math.min(last, Math.max(0, (this.at ?? (by > 0 ? -1 : last + 1)) + by));
      this.read(at);
      this.plot.say(reading(this.where(at), this.options.series().map((one) => [one.name, middle(one.lines, at)])));
    });
  }

  private where(at: number): string {
    const x = this.options.x()[at]!;
    return this.options.xWords?.(x) ?? `${this.options.xTitle} ${shown(x)}`;
  }

  private read(at: number | null): void {
    this.at = at;
    this.tell();
  }

  private tell(): void {
    const series = this.options.series();
    const keys = series.map((one) => one.name).join("|");
    if (keys !== this.keys) {
      this.keys = keys;
      this.legend.replaceChildren(
        ...series.map((one) => h("span", {}, swatch(one.colour, one.dash, one.thin ? 2 : 3), ` ${one.name} `, h("span", { class: "lb-number" }))),
        this.told,
      );
    }
    const xs = this.options.x();
    const at = this.at !== null && this.at < xs.length ? this.at : null;
    this.legend.querySelectorAll(".lb-number").forEach((el, i) => {
      const value = at === null ? NaN : middle(series[i]!.lines, at);
      el.textContent = Number.isFinite(value) ? shown(value) : "";
    });
    this.told.textContent = at === null ? "" : this.where(at);
    const outside = this.options.cursor?.() ?? null;
    const where = at !== null ? xs[at]! : outside;
    this.mark.hidden = where === null || !this.x;
    if (where !== null && this.x) this.mark.style.transform = `translateX(${this.x(where)}px)`;
    this.plot.label(this.words());
  }

  private words(): string {
    const xs = this.options.x();
    const said = this.options.series().map((one) => {
      const ends = [0, xs.length - 1].map((i) => middle(one.lines, i)).filter(Number.isFinite);
      return ends.length ? `${one.name} from ${shown(ends[0]!)} to ${shown(ends.at(-1)!)}` : `${one.name} has no values`;
    });
    return `${this.options.title}, in ${this.options.unit}, by ${this.options.xTitle}: ${said.join("; ")}.`;
  }

  private draw(context: CanvasRenderingContext2D, width: number, height: number, theme: Theme): void {
    const box: Box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
    const { options } = this;
    const log = options.log ?? false;
    const xs = options.x();
    const x = makeScale(false, [xs[0] ?? 0, xs[xs.length - 1] ?? 1], [box.left + 2, box.right - 2]);
    const y = makeScale(log, options.range(), [box.bottom, box.top]);
    this.x = x;
    const shade = options.shade?.();
    if (shade) {
      context.fillStyle = theme.line;
      context.globalAlpha = 0.45;
      const [from, to] = [Math.max(box.left, x(shade[0])), Math.min(box.right, x(shade[1]))];
      context.fillRect(from, box.top, to - from, box.bottom - box.top);
      context.globalAlpha = 1;
    }
    drawAxes(context, theme, box, { scale: x, log: false, title: options.xTitle, whole: Array.from(xs).every(Number.isInteger) }, { scale: y, log });
    if (shade) {
      context.fillStyle = theme.faint;
      context.textAlign = "left";
      context.textBaseline = "top";
      context.fillText(shade[2], Math.max(box.left, x(shade[0])) + 4, box.top + 2);
    }
    context.save();
    context.beginPath();
    context.rect(box.left, box.top - 2, box.right - box.left, box.bottom - box.top + 4);
    context.clip();
    const [low] = options.range();
    const place = (value: number) => y(log ? Math.max(value, low) : value);
    if (options.zero) {
      context.strokeStyle = theme.faint;
      context.lineWidth = 1;
      path(context, [box.left, box.right], [y(0), y(0)]);
      context.stroke();
    }
    for (const one of options.series()) this.drawOne(context, theme, one, xs, x, place);
    context.restore();
    this.tell();
  }

  private drawOne(
    context: CanvasRenderingContext2D,
    theme: Theme,
    one: Line,
    xs: ArrayLike<number>,
    x: Scale,
    place: (value: number) => number,
  ): void {
    const at = Array.from({ length: xs.length }, (_, i) => i).filter((i) => Number.isFinite(middle(one.lines, i)));
    const px = at.map((i) => x(xs[i]!));
    context.strokeStyle = context.fillStyle = theme.of(one.colour);
    context.setLineDash([]);
    if (one.lines.length > 1 && !one.thin) {
      const ends = at.map((i) => extent(one.lines, i));
      context.globalAlpha = 0.16;
      path(context, [...px, ...[...px].reverse()], [...ends.map((e) => place(e[1])), ...ends.map((e) => place(e[0])).reverse()]);
      context.fill();
      context.globalAlpha = 0.35;
      context.lineWidth = 1;
      for (const line of one.lines) {
        const own = at.filter((i) => Number.isFinite(line[i]!));
        path(context, own.map((i) => x(xs[i]!)), own.map((i) => place(line[i]!)));
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    context.setLineDash(one.dash ?? []);
    context.lineWidth = one.thin ? 1.4 : 2.2;
    const py = at.map((i) => place(middle(one.lines, i)));
    path(context, px, py);
    context.stroke();
    context.setLineDash([]);
    if (at.length && at.length <= 14 && !one.thin)
      px.forEach((p, i) => {
        context.beginPath();
        context.arc(p, py[i]!, 3, 0, 2 * Math.PI);
        context.fill();
      });
  }
}

function path(context: CanvasRenderingContext2D, x: number[], y: number[]): void {
  context.beginPath();
  x.forEach((px, i) => (i ? context.lineTo(px, y[i]!) : context.moveTo(px, y[i]!)));
}

function nearest(xs: ArrayLike<number>, value: number): number {
  let best = 0;
  for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i]! - value) < Math.abs(xs[best]! - value)) best = i;
  return best;
}

function extent(lines: ArrayLike<number>[], at: number): [number, number] {
  const values = lines.map((line) => line[at]!).filter(Number.isFinite);
  return [Math.min(...values), Math.max(...values)];
}

// The median over seeds at one x, of those that have a value there.
export function middle(lines: ArrayLike<number>[], at: number): number {
  const values = lines.map((line) => line[at]!).filter(Number.isFinite).sort((a, b) => a - b);
  if (!values.length) return NaN;
  const half = (values.length - 1) / 2;
  return (values[Math.floor(half)]! + values[Math.ceil(half)]!) / 2;
}

// The smallest range that holds all finite values, with a little room; zero within it if asked. A logarithmic one ends
// at a share of its top: what is below runs along the floor.
export function rangeOf(lines: ArrayLike<number>[], options: { zero?: boolean; log?: boolean; floor?: number } = {}): [number, number] {
  let [low, high] = options.zero ? [0, 0] : [Infinity, -Infinity];
  for (const line of lines)
    for (let i = 0; i < line.length; i++) {
      const value = line[i]!;
      if (!Number.isFinite(value) || (options.log && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (!Number.isFinite(low)) return options.log ? [0.1, 1] : [0, 1];
  if (options.log) return [Math.max(low, high * (options.floor ?? 1e-6)) / 1.15, high * 1.15];
  const room = 0.05 * (high - low || 1);
  return [low - (options.zero && low === 0 ? 0 : room), high + room];
}
