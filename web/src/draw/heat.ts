// A heat map with one pixel a weight, stretched by the style sheet: a new step is one write of pixels.
import { h } from "./dom";
import { nextFrame } from "./frame";
import { shown } from "./axes";
import { pointerPlace } from "./plot";
import { mayDraw, unwatch, watch } from "./visible";
import { onThemeChange, ramp, themeOf, type Theme } from "./theme";

export interface HeatOptions {
  title: string;
  label: string;
  rows: number;
  columns: number;
  top: () => number; // the colour scale runs from -top to top
  value: (row: number, column: number) => number;
  hover?: (row: number | null) => void;
  columnWords?: (column: number) => string;
  rowWords?: (row: number) => string;
  axis?: string;
  rowHeight?: number; // CSS pixels
  plain?: boolean; // another picture tells the colour scale
}

export class Heat {
  readonly el: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  private readonly image: ImageData;
  private readonly pixels: Uint32Array;
  private readonly box: HTMLElement;
  private readonly scale: HTMLElement;
  private readonly told: HTMLElement;
  private readonly caption: HTMLElement;
  private theme: Theme | null = null;
  private row: number | null = null;
  private readonly unlisten: () => void;
  private readonly work = () => this.paint();

  constructor(private readonly options: HeatOptions) {
    const { rows, columns } = options;
    this.canvas = h("canvas", {
      role: "img",
      "aria-label": options.label,
      width: columns,
      height: rows,
      class: "lb-heat",
      tabindex: options.hover ? 0 : null,
    });
    this.canvas.style.height = `${rows * (options.rowHeight ?? Math.max(3, Math.min(12, 190 / rows)))}px`;
    this.image = new ImageData(columns, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.box = h("div", { class: "lb-row", hidden: true });
    this.scale = h("span", { class: "lb-scale" });
    this.told = h("span", { class: "lb-told", "aria-live": "off" });
    this.caption = h("figcaption", {}, options.title, this.scale);
    this.el = h(
      "figure",
      { class: "lb-plot" },
      this.caption,
      h("div", { class: "lb-canvas" }, this.canvas, h("div", { class: "lb-over", "aria-hidden": "true" }, this.box)),
      h("div", { class: "lb-under" }, h("span", {}, options.axis ?? ""), this.told),
    );
    this.listen();
    this.unlisten = onThemeChange(() => {
      this.theme = null;
      this.redraw();
    });
    watch(this.canvas, this.work);
    this.redraw();
  }

  redraw(): void {
    nextFrame(this.work);
  }

  highlight(row: number | null): void {
    this.row = row;
    this.box.hidden = row === null;
    if (row === null) return;
    const height = 100 / this.options.rows;
    this.box.style.top = `${row * height}%`;
    this.box.style.height = `${height}%`;
  }

  close(): void {
    unwatch(this.canvas);
    this.unlisten();
  }

  private listen(): void {
    const { hover, rows, columns } = this.options;
    this.canvas.addEventListener("pointermove", (event) => {
      const [x, y] = pointerPlace(event, this.canvas);
      const row = Math.min(rows - 1, Math.max(0, Math.floor((y / this.canvas.clientHeight) * rows)));
      const column = Math.min(columns - 1, Math.max(0, Math.floor((x / this.canvas.clientWidth) * columns)));
      hover?.(row);
      const where = [this.options.rowWords?.(row) ?? `row ${row + 1}`, this.options.columnWords?.(column) ?? String(column)];
      this.told.textContent = `${where.join(", ")}: ${this.options.value(row, column).toFixed(2)}`;
    });
    this.canvas.addEventListener("pointerleave", () => {
      hover?.(null);
      this.told.textContent = "";
    });
    if (!hover) return;
    this.canvas.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (event.key === "Escape") hover(null);
      if (!by) return;
      event.preventDefault();
      hover(Math.min(rows - 1, Math.max(0, (this.row ?? -by) + by)));
    });
    this.canvas.addEventListener("blur", () => hover(null));
  }

  private paint(): void {
    if (!this.canvas.isConnected || !mayDraw(this.canvas)) return;
    this.theme ??= themeOf(this.canvas);
    const colours = ramp(this.theme);
    const { rows, columns, value } = this.options;
    const top = this.options.top() || 1;
    const factor = 255 / top;
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const place = 255 + Math.round(value(row, column) * factor);
        this.pixels[at] = colours[place < 0 ? 0 : place > 510 ? 510 : place]!;
      }
    }
    this.canvas.getContext("2d")!.putImageData(this.image, 0, 0);
    const range = `−${shown(top)} to ${shown(top)}`;
    if (!this.options.plain && this.scale.textContent !== range) this.scale.textContent = range;
  }
}
