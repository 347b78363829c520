// A figure with a canvas: sized by its column, sharp on every screen, redrawn once a frame, with words for the ear.
import { shown } from "./axes";
import { h } from "./dom";
import { nextFrame } from "./frame";
import { mayDraw, unwatch, watch } from "./visible";
import { onThemeChange, themeOf, type Theme } from "./theme";

export interface PlotOptions {
  title: string;
  label: string; // what a screen reader says of the picture
  height: number | ((width: number) => number); // CSS pixels
  draw: (context: CanvasRenderingContext2D, width: number, height: number, theme: Theme) => void;
  className?: string;
}

export class Plot {
  readonly el: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly over: HTMLElement; // for cursors and marks that move without redrawing
  readonly caption: HTMLElement;
  private readonly title: Text;
  private readonly said = h("span", { class: "lb-hidden", role: "status" });
  private readonly observer: ResizeObserver;
  private readonly unlisten: () => void;
  private readonly work = () => this.paint();
  width = 0;
  height = 0;
  theme: Theme | null = null;

  constructor(private readonly options: PlotOptions) {
    this.canvas = h("canvas", { role: "img", "aria-label": options.label });
    this.over = h("div", { class: "lb-over", "aria-hidden": "true" });
    this.title = document.createTextNode(options.title);
    this.caption = h("figcaption", {}, this.title);
    const area = h("div", { class: "lb-canvas" }, this.canvas, this.over);
    this.el = h("figure", { class: `lb-plot ${options.className ?? ""}` }, this.caption, area, this.said);
    if (typeof options.height === "number") area.style.height = `${options.height}px`;
    this.observer = new ResizeObserver(() => this.resize(area));
    this.observer.observe(area);
    watch(this.canvas, this.work);
    this.unlisten = onThemeChange(() => {
      this.theme = null;
      this.redraw();
    });
  }

  redraw(): void {
    nextFrame(this.work);
  }

  retitle(text: string): void {
    if (this.title.data !== text) this.title.data = text;
  }

  label(text: string): void {
    this.canvas.setAttribute("aria-label", text);
  }

  // Said by a screen reader: what keys have read. A pointer's reading is seen.
  say(text: string): void {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  close(): void {
    this.observer.disconnect();
    unwatch(this.canvas);
    this.unlisten();
  }

  private resize(area: HTMLElement): void {
    const width = area.clientWidth;
    if (!width) return;
    const height = typeof this.options.height === "number" ? this.options.height : this.options.height(width);
    if (width === this.width && height === this.height) return;
    area.style.height = `${height}px`;
    [this.width, this.height] = [width, height];
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.redraw();
  }

  private paint(): void {
    if (!this.width || !this.canvas.isConnected || !mayDraw(this.canvas)) return;
    this.theme ??= themeOf(this.canvas);
    const context = this.canvas.getContext("2d")!;
    const scale = this.canvas.width / this.width;
    context.save(); // widths, dashes and colours of one drawing are not those of the next
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.font = `12px ${this.theme.font}`;
    this.options.draw(context, this.width, this.height, this.theme);
    context.restore();
  }
}

// What is read at one place, in words.
export function reading(where: string, values: [name: string, value: number][]): string {
  const known = values.filter(([, value]) => Number.isFinite(value)).map(([name, value]) => `${name} ${shown(value)}`);
  return `${where}: ${known.join(", ") || "no value"}.`;
}

// Where a pointer is within an element, in its CSS pixels.
export function pointerPlace(event: PointerEvent, element: Element): [number, number] {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
