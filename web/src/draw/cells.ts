// A table in colours: a few rows with names, columns with names, values in the cells where there is room for them.
import { h } from "./dom";
import { Plot, pointerPlace } from "./plot";
import type { Theme } from "./theme";

export interface CellsOptions {
  title: string;
  rows: string[];
  columns: string[];
  axis: string; // what the columns are
  measure: string; // what a value is
  value: (row: number, column: number) => number; // from 0 to 1, which the colours span; NaN: not measured
  more?: (row: number, column: number) => string; // said after the value
}

const [TOP, BOTTOM] = [2, 34];
const ROW = 24; // CSS pixels

export class Cells {
  readonly plot: Plot;
  private readonly told: HTMLElement;
  private readonly outline: HTMLElement;
  private at: [row: number, column: number] | null = null;
  private left = 60;

  constructor(private readonly options: CellsOptions) {
    this.plot = new Plot({
      title: options.title,
      label: this.words(),
      height: TOP + BOTTOM + options.rows.length * ROW,
      draw: (context, width, height, theme) => this.draw(context, width, height, theme),
      className: "lb-cells-plot",
    });
    this.told = h("span", { class: "lb-told" });
    this.outline = h("div", { class: "lb-outline", hidden: true });
    this.plot.over.append(this.outline);
    this.plot.el.append(h("div", { class: "lb-under" }, this.told));
    this.listen();
  }

  get el(): HTMLElement {
    return this.plot.el;
  }

  redraw(): void {
    this.plot.label(this.words());
    this.read(this.at);
    this.plot.redraw();
  }

  close(): void {
    this.plot.close();
  }

  private words(): string {
    const { title, measure, rows, columns, value } = this.options;
    const best = (row: number) => {
      const values = columns.map((_, i) => value(row, i)).filter(Number.isFinite);
      return values.length ? `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}` : "not measured";
    };
    return `${title}; ${measure} by row: ${rows.map((name, row) => `${name} ${best(row)}`).join("; ")}.`;
  }

  private listen(): void {
    const { canvas } = this.plot;
    const { rows, columns } = this.options;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = pointerPlace(event, canvas);
      const { width, height } = this.cell();
      const [row, column] = [Math.floor((y - TOP) / height), Math.floor((x - this.left) / width)];
      this.read(row >= 0 && row < rows.length && column >= 0 && column < columns.length ? [row, column] : null);
    });
    canvas.addEventListener("pointerleave", () => this.read(null));
    canvas.addEventListener("blur", () => {
      this.read(null);
      this.plot.say("");
    });
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
      if (!by) return;
      event.preventDefault();
      const [row, column] = this.at ?? [0, 0];
      const clip = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
      this.read(this.at ? [clip(row + by[0]!, rows.length), clip(column + by[1]!, columns.length)] : [0, 0]);
      this.plot.say(this.told.textContent!);
    });
  }

  private cell(): { width: number; height: number } {
    const { rows, columns } = this.options;
    return {
      width: (this.plot.width - this.left - 2) / columns.length,
      height: (this.plot.height - TOP - BOTTOM) / rows.length,
    };
  }

  private read(at: [number, number] | null): void {
    this.at = at;
    this.outline.hidden = !at;
    if (!at) {
      this.told.textContent = "";
      return;
    }
    const [row, column] = at;
    const { width, height } = this.cell();
    this.outline.style.transform = `translate(${this.left + column * width}px, ${TOP + row * height}px)`;
    this.outline.style.width = `${width}px`;
    this.outline.style.height = `${height}px`;
    const { rows, columns, axis, measure, value, more } = this.options;
    const number = value(row, column);
    const said = Number.isFinite(number) ? number.toFixed(3) : "not measured";
    this.told.textContent = `${rows[row]}, ${axis} ${columns[column]}: ${measure} ${said.replace("-", "−")}${more?.(row, column) ?? ""}`;
  }

  private draw(context: CanvasRenderingContext2D, width: number, _height: number, theme: Theme): void {
    const { rows, columns, value } = this.options;
    this.left = Math.min(width / 3, Math.max(...rows.map((name) => context.measureText(name).width)) + 8);
    const cell = this.cell();
    const print = cell.width > 30 && cell.height > 14;
    context.textBaseline = "middle";
    rows.forEach((name, row) => {
      const middle = TOP + (row + 0.5) * cell.height;
      context.fillStyle = theme.text;
      context.textAlign = "right";
      context.fillText(name, this.left - 6, middle, this.left - 8);
      context.textAlign = "center";
      columns.forEach((_, column) => {
        const number = value(row, column);
        const [x, y] = [this.left + column * cell.width, TOP + row * cell.height];
        const gap = cell.width > 8 ? 1 : 0;
        if (!Number.isFinite(number)) {
          context.fillStyle = theme.line;
          context.fillRect(x + cell.width / 2 - 2, middle - 0.5, 4, 1);
          return;
        }
        const share = Math.min(1, Math.max(0, number));
        context.fillStyle = mix(theme.ground, theme.of("--lb-cycle-0"), 0.04 + 0.96 * share);
        context.fillRect(x, y, cell.width - gap + (gap ? 0 : 0.6), cell.height - 1);
        if (!print) return;
        context.fillStyle = share > 0.6 ? theme.ground : theme.text; // on a strong colour
        context.fillText(number.toFixed(2).replace("-", "−"), x + cell.width / 2, middle, cell.width - 3);
      });
    });
    context.fillStyle = theme.faint;
    context.textBaseline = "top";
    context.textAlign = "center";
    const bottom = TOP + rows.length * cell.height + 3;
    const widest = Math.max(...columns.map((name) => context.measureText(name).width)) + 8;
    const every = Math.max(1, Math.ceil(widest / cell.width));
    columns.forEach((name, column) => {
      if (column % every === 0 || column === columns.length - 1 && every === 1)
        context.fillText(name, this.left + (column + 0.5) * cell.width, bottom);
    });
    context.textAlign = "right";
    context.fillText(this.options.axis, width - 2, bottom + 14);
    if (this.at) this.read(this.at);
  }
}

// A colour between two of the style sheet's, written as #rrggbb.
export function mix(from: string, to: string, share: number): string {
  const part = (colour: string, i: number) => parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channel = (i: number) => Math.round(part(from, i) + share * (part(to, i) - part(from, i)));
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}
