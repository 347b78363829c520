// A line chart over steps that can be scrubbed: every member faint, median bold, middle half as a band, one member picked.
import { clamp, drawAxes, makeScale, shown, shownSteps, type Box, type Scale } from "./axes";
import { h } from "./dom";
import { Plot, pointerPlace, reading } from "./plot";
import { counted, lostWords, quantile, type Members } from "./quantile";
import { swatch } from "./swatch";
import type { Theme } from "./theme";

export interface Series extends Members {
  name: string;
  colour: string; // of the style sheet, such as "--lb-train"
  dashed?: boolean;
}

export interface ChartOptions {
  title: string;
  unit: string;
  series: Series[];
  log?: boolean;
  logX?: boolean;
  range?: [number, number];
  chance?: number | null;
  guide?: string; // the words at the line of `chance`
  across?: string; // what x counts; steps without it
  picked?: () => number | null; // which member is bold; null: the median and a band
  scrub?: (step: number) => void;
  height?: number;
  annotations?: { step: number; text: string }[];
  domain?: [number, number]; // of steps; charts that stand under each other share it
  marks?: Mark[];
  bare?: boolean; // without words at the axis of steps: a chart below has them
}

export interface Mark {
  x: number;
  y: number;
  shape: "▼" | "■" | "◆";
  colour: string; // of the style sheet
}

const MARGIN = { left: 46, right: 12, top: 8, bottom: 38 };
const MOST_LINES = 60;
const DASHES = [6, 4];

export class Chart {
  readonly plot: Plot;
  private readonly cursor: HTMLElement;
  private readonly legend: { series: Series; value: HTMLElement; lost: HTMLElement }[] = [];
  private x: Scale | null = null;
  private at: number | null = null;
  private domains: { x: [number, number]; y: [number, number] };

  constructor(private options: ChartOptions) {
    this.domains = domainsOf(options);
    this.plot = new Plot({
      title: options.title,
      label: this.words(),
      height: options.height ?? 220,
      draw: (context, width, height, theme) => this.draw(context, width, height, theme),
      className: options.bare ? "lb-chart lb-bare" : "lb-chart",
    });
    this.cursor = h("div", { class: "lb-cursor", hidden: true });
    this.plot.over.append(this.cursor);
    const legend = h("div", { class: "lb-legend" });
    for (const series of options.series) {
      const [value, lost] = [h("span", { class: "lb-number" }), h("span", { class: "lb-scale" })];
      this.legend.push({ series, value, lost });
      legend.append(h("span", {}, swatch(series.colour, series.dashed ? DASHES : []), ` ${series.name} `, value, lost));
    }
    this.plot.caption.append(legend);
    this.tellLost();
    if (options.scrub) this.listen(options.scrub);
  }

  get el(): HTMLElement {
    return this.plot.el;
  }

  // New numbers for the same chart: a live run has moved on.
  update(changes: Partial<ChartOptions> & { series: Series[] }): void {
    this.options = { ...this.options, ...changes };
    this.plot.retitle(this.options.title);
    this.legend.forEach((row, i) => (row.series = changes.series[i]!));
    this.redraw();
  }

  // Marks at events, with words.
  annotate(annotations: { step: number; text: string }[]): void {
    this.options = { ...this.options, annotations };
    this.plot.redraw();
  }

  // Another member may be picked, or numbers have changed: what is told, and what must fit, are other ones.
  redraw(): void {
    this.domains = domainsOf(this.options);
    this.plot.label(this.words());
    this.tellLost();
    this.plot.redraw();
    if (this.at !== null) this.mark(this.at);
  }

  // Moves the dashed line and tells the values there; no redrawing.
  mark(step: number): void {
    this.at = step;
    if (this.x) {
      this.cursor.hidden = false;
      this.cursor.style.transform = `translateX(${this.x(this.clampedStep(step))}px)`;
    }
    const picked = this.options.picked?.() ?? null;
    for (const { series, value } of this.legend) {
      const number = valueAt(series, step, picked);
      const text = Number.isFinite(number) ? shown(number) : "–";
      if (value.textContent !== text) value.textContent = text;
    }
  }

  close(): void {
    this.plot.close();
  }

  // Whose median it is, where members diverged.
  private lost(series: Series): string {
    const words = (this.options.picked?.() ?? null) === null ? lostWords(series) : "";
    return words && ` (${words})`;
  }

  private tellLost(): void {
    for (const { series, lost } of this.legend) lost.textContent = this.lost(series);
  }

  private words(): string {
    const said = this.options.series.map((s) => {
      const last = valueAt(s, Infinity, this.options.picked?.() ?? null);
      return `${s.name} ends at ${Number.isFinite(last) ? shown(last) : "no value"}${this.lost(s)}`;
    });
    const [, end] = this.domains.x;
    return `${this.options.title} over ${shownSteps(end)} ${this.options.across ?? "steps"}, in ${this.options.unit}: ${said.join("; ")}.`;
  }

  private listen(scrub: (step: number) => void): void {
    const { canvas } = this.plot;
    canvas.classList.add("lb-scrub");
    const move = (event: PointerEvent) => {
      if (!this.x || (event.pointerType !== "mouse" && event.type === "pointermove" && !event.isPrimary)) return;
      const [place] = pointerPlace(event, canvas);
      scrub(Math.max(0, this.x.invert(clamp(place, ...(this.x.range() as [number, number])))));
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerdown", move);
    if (this.options.across) this.listenToKeys(scrub); // no slider stands for what is not a step
  }

  private listenToKeys(scrub: (x: number) => void): void {
    const { canvas } = this.plot;
    canvas.tabIndex = 0;
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const xs = Array.from(this.options.series[0]?.x ?? []);
      const next = by > 0 ? xs.find((x) => x > (this.at ?? -Infinity)) : xs.filter((x) => x < (this.at ?? Infinity)).at(-1);
      if (next === undefined) return;
      scrub(next);
      const picked = this.options.picked?.() ?? null;
      this.plot.say(reading(`${shown(next)} ${this.options.across}`, this.options.series.map((one) => [one.name, valueAt(one, next, picked)])));
    });
  }

  private clampedStep(step: number): number {
    return clamp(step, ...this.domains.x);
  }

  private draw(context: CanvasRenderingContext2D, width: number, height: number, theme: Theme): void {
    const box: Box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - (this.options.bare ? 8 : MARGIN.bottom) };
    const log = this.options.log ?? false;
    const logX = this.options.logX ?? false;
    const x = makeScale(logX, this.domains.x, [box.left, box.right]);
    const y = makeScale(log, this.domains.y, [box.bottom, box.top]);
    this.x = x;
    drawAxes(context, theme, box, { scale: x, log: logX, title: this.options.bare ? null : (this.options.across ?? "step"), whole: true }, { scale: y, log });
    context.fillStyle = theme.faint;
    context.textAlign = "left";
    context.textBaseline = "top";
    if (this.options.chance) this.drawChance(context, theme, box, y(this.options.chance));
    context.save();
    context.beginPath();
    context.rect(box.left, box.top - 2, box.right - box.left, box.bottom - box.top + 4);
    context.clip();
    for (const series of this.options.series) this.drawSeries(context, series, x, y, log, theme);
    context.restore();
    for (const mark of this.options.marks ?? []) drawMark(context, theme, mark, x(mark.x), y(mark.y));
    (this.options.annotations ?? []).forEach(({ step, text }, row) => drawNote(context, theme, box, x(step), text, row));
    if (this.at !== null) this.mark(this.at);
  }

  private drawChance(context: CanvasRenderingContext2D, theme: Theme, box: Box, at: number): void {
    context.strokeStyle = theme.faint;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(box.left, at);
    context.lineTo(box.right, at);
    context.stroke();
    context.setLineDash([]);
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText(this.options.guide ?? "chance", box.right, at - 2);
  }

  private drawSeries(
    context: CanvasRenderingContext2D,
    series: Series,
    x: Scale,
    y: Scale,
    log: boolean,
    theme: Theme,
  ): void {
    context.strokeStyle = context.fillStyle = theme.of(series.colour);
    context.setLineDash(series.dashed ? DASHES : []);
    const floor = this.domains.y[0];
    const place = (value: number) => y(log ? Math.max(value, floor) : value);
    const picked = this.options.picked?.() ?? null;
    const { lines } = series;
    if (lines.length > 1) {
      context.globalAlpha = lines.length > 12 ? 0.15 : 0.3;
      context.lineWidth = 1;
      const every = Math.ceil(lines.length / MOST_LINES); // seeds vary fastest: the first lines would be those of few settings
      for (let i = 0; i < lines.length; i += every) drawLine(context, series.x, lines[i]!, x, place);
    }
    if (picked === null && counted(series) > 2) {
      context.globalAlpha = 0.2;
      drawBand(context, series, x, place);
    }
    context.globalAlpha = 1;
    context.lineWidth = 2;
    drawLine(context, series.x, picked === null ? quantile(series, 0.5) : lines[picked]!, x, place);
    context.setLineDash([]);
  }
}

function drawLine(
  context: CanvasRenderingContext2D,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  x: Scale,
  y: (value: number) => number,
): void {
  context.beginPath();
  let pen = false;
  for (let i = 0; i < xs.length; i++) {
    const value = ys[i]!;
    if (!Number.isFinite(value)) continue; // a log that this member does not have: the line goes on to the next
    const [px, py] = [x(xs[i]!), y(value)];
    if (pen) context.lineTo(px, py);
    else context.moveTo(px, py);
    pen = true;
  }
  context.stroke();
}

function drawBand(context: CanvasRenderingContext2D, series: Series, x: Scale, y: (value: number) => number): void {
  const low = quantile(series, 0.25);
  const high = quantile(series, 0.75);
  const at = Array.from({ length: series.x.length }, (_, i) => i).filter((i) => Number.isFinite(low[i]!));
  context.beginPath();
  at.forEach((i, n) => (n ? context.lineTo(x(series.x[i]!), y(high[i]!)) : context.moveTo(x(series.x[i]!), y(high[i]!))));
  [...at].reverse().forEach((i) => context.lineTo(x(series.x[i]!), y(low[i]!)));
  context.closePath();
  context.fill();
}

function drawMark(context: CanvasRenderingContext2D, theme: Theme, { shape, colour }: Mark, x: number, y: number): void {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  const r = 5;
  context.beginPath();
  if (shape === "▼") [[-r, -r], [r, -r], [0, r]].forEach(([dx, dy], i) => (i ? context.lineTo(x + dx!, y + dy!) : context.moveTo(x + dx!, y + dy!)));
  else if (shape === "■") context.rect(x - r + 1, y - r + 1, 2 * r - 2, 2 * r - 2);
  else [[0, -r - 1], [r + 1, 0], [0, r + 1], [-r - 1, 0]].forEach(([dx, dy], i) => (i ? context.lineTo(x + dx!, y + dy!) : context.moveTo(x + dx!, y + dy!)));
  context.closePath();
  context.fillStyle = theme.of(colour);
  context.strokeStyle = theme.text;
  context.lineWidth = 1;
  context.fill();
  context.stroke();
}

function drawNote(context: CanvasRenderingContext2D, theme: Theme, box: Box, at: number, text: string, row: number): void {
  context.strokeStyle = theme.faint;
  context.lineWidth = 1;
  context.setLineDash([1, 3]);
  context.beginPath();
  context.moveTo(at, box.top);
  context.lineTo(at, box.bottom);
  context.stroke();
  context.setLineDash([]);
  const right = at > (box.left + box.right) / 2;
  context.textAlign = right ? "right" : "left";
  context.textBaseline = "middle";
  const y = (box.top + box.bottom) / 2 + row * 15;
  const x = at + (right ? -5 : 5);
  const width = context.measureText(text).width;
  context.fillStyle = theme.ground;
  context.fillRect(right ? x - width - 2 : x - 2, y - 8, width + 4, 15);
  context.fillStyle = theme.faint;
  context.fillText(text, x, y);
}

// The last log at or before a step.
function valueAt(series: Series, step: number, picked: number | null): number {
  const line = picked === null ? quantile(series, 0.5) : series.lines[picked];
  if (!line) return NaN;
  let found = NaN;
  for (let i = 0; i < series.x.length && series.x[i]! <= step + 1e-6; i++) if (Number.isFinite(line[i]!)) found = line[i]!;
  return found;
}

// What fits: a member that diverged may leave the picture, unless it is picked or nobody else is there.
function domainsOf(options: ChartOptions): { x: [number, number]; y: [number, number] } {
  const picked = options.picked?.() ?? null;
  let [firstX, lastX, low, high] = [Infinity, 1, Infinity, -Infinity];
  for (const series of options.series) {
    for (let i = 0; i < series.x.length; i++) {
      const at = series.x[i]!;
      if (at > 0 || !options.logX) firstX = Math.min(firstX, at);
      lastX = Math.max(lastX, at);
    }
    const within = series.lines.filter((_, member) => member === picked || series.endings?.[member] !== "diverged");
    for (const line of within.length ? within : series.lines)
      for (let i = 0; i < line.length; i++) {
        const value = line[i]!;
        if (!Number.isFinite(value) || (options.log && value <= 0)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
  }
  if (!Number.isFinite(firstX)) firstX = options.logX ? 1 : 0;
  if (!Number.isFinite(low)) [low, high] = options.log ? [0.1, 1] : [0, 1];
  if (options.log) low = Math.max(low, high * 1e-12);
  return { x: options.domain ?? [firstX, lastX], y: options.range ?? [low, high] };
}
