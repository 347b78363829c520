// The canvas with points and curves. Points are buttons over it, so that keys and screen readers reach them.
import { clamp, drawAxes, makeScale, type Scale } from "../../draw/axes";
import { add, h } from "../../draw/dom";
import { Plot } from "../../draw/plot";

export interface Point {
  x: number;
  y: number;
}

export interface Curve {
  name: string;
  colour: string;
  width: number;
  dash: number[];
  values: ArrayLike<number> | null; // at every query; null: not known yet
}

export interface BoardOptions {
  query: Float64Array;
  curves: () => Curve[];
  truth: () => ((x: number) => number) | null;
  points: () => readonly Point[];
  change: (points: Point[]) => void;
  refuse: () => boolean; // whether no further point may be put; says so
}

export const REACH = { x: 3, y: 3.2 };
const MARGIN = { left: 34, right: 10, top: 8, bottom: 36 };
const SMALL = 0.05; // of a press of an arrow; ten times as much with shift

export class Board {
  readonly plot: Plot;
  private readonly layer = h("div", { class: "lb-points", role: "group", "aria-label": "Points" });
  private buttons: HTMLButtonElement[] = [];
  private x: Scale | null = null;
  private y: Scale | null = null;

  constructor(private readonly options: BoardOptions) {
    this.plot = new Plot({
      title: "",
      label: "Points and what is predicted between them.",
      height: (width) => clamp(0.72 * width, 280, 470),
      className: "lb-board",
      draw: (context, width, height, theme) => {
        const box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
        this.x = makeScale(false, [-REACH.x, REACH.x], [box.left, box.right]);
        this.y = makeScale(false, [-REACH.y, REACH.y], [box.bottom, box.top]);
        drawAxes(context, theme, box, { scale: this.x, log: false, title: "x" }, { scale: this.y, log: false });
        context.save();
        context.beginPath();
        context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
        context.clip();
        const truth = options.truth();
        if (truth) {
          context.strokeStyle = theme.faint;
          context.globalAlpha = 0.35;
          context.lineWidth = 7;
          this.line(context, Array.from(options.query, truth));
          context.globalAlpha = 1;
        }
        for (const { colour, width: wide, dash, values } of options.curves()) {
          if (!values) continue;
          context.strokeStyle = theme.of(colour);
          context.lineWidth = wide;
          context.setLineDash(dash);
          this.line(context, values);
        }
        context.setLineDash([]);
        context.restore();
        this.place();
      },
    });
    this.plot.caption.remove();
    this.plot.canvas.parentElement!.append(this.layer);
    // A click, not a press: who scrolls by touching the picture puts no point.
    this.plot.canvas.addEventListener("click", (event) => {
      const at = this.valuesAt(event);
      if (at && !options.refuse()) options.change([...options.points(), at]);
    });
  }

  // Points or curves have changed.
  redraw(): void {
    this.plot.redraw();
  }

  focus(number: number): void {
    this.buttons[clamp(number, 0, this.buttons.length - 1)]?.focus();
  }

  close(): void {
    this.plot.close();
  }

  private line(context: CanvasRenderingContext2D, values: ArrayLike<number>): void {
    const { query } = this.options;
    context.beginPath();
    for (let i = 0; i < query.length; i++) {
      const [px, py] = [this.x!(query[i]!), this.y!(clamp(values[i]!, -99, 99))];
      if (i) context.lineTo(px, py);
      else context.moveTo(px, py);
    }
    context.stroke();
  }

  private valuesAt(event: MouseEvent): Point | null {
    if (!this.x || !this.y) return null;
    const box = this.plot.canvas.getBoundingClientRect();
    const [x, y] = [this.x.invert(event.clientX - box.left), this.y.invert(event.clientY - box.top)];
    return { x: clamp(x, -REACH.x, REACH.x), y: clamp(y, -REACH.y, REACH.y) };
  }

  // One button a point, moved to where it belongs; elements stay, so that focus and a drag survive.
  private place(): void {
    const points = this.options.points();
    while (this.buttons.length > points.length) this.buttons.pop()!.remove();
    while (this.buttons.length < points.length) this.make(this.buttons.length);
    points.forEach(({ x, y }, i) => {
      const button = this.buttons[i]!;
      button.style.transform = `translate(${this.x!(x)}px, ${this.y!(y)}px)`;
      button.setAttribute("aria-label", `Point ${i + 1}: x ${x.toFixed(2)}, y ${y.toFixed(2)}`);
    });
  }

  private make(number: number): void {
    const button = h("button", { type: "button", class: "lb-point" });
    const own = () => this.options.points()[number]!;
    const put = (point: Point) => this.options.change(this.options.points().map((old, i) => (i === number ? point : old)));
    const remove = () => {
      this.options.change(this.options.points().filter((_, i) => i !== number));
      requestAnimationFrame(() => this.focus(number));
    };
    let out = false; // dragged out of the picture
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      out = false;
    });
    button.addEventListener("pointermove", (event) => {
      const at = button.hasPointerCapture(event.pointerId) ? this.valuesAt(event) : null;
      if (!at) return;
      const box = this.plot.canvas.getBoundingClientRect();
      out = event.clientX < box.left || event.clientX > box.right || event.clientY < box.top - 8 || event.clientY > box.bottom + 8;
      button.classList.toggle("lb-leaving", out);
      put(at);
    });
    button.addEventListener("pointerup", () => {
      button.classList.remove("lb-leaving");
      if (out) remove();
      out = false;
    });
    button.addEventListener("dblclick", remove);
    button.addEventListener("keydown", (event) => {
      const far = event.shiftKey ? 10 * SMALL : SMALL;
      const move: Record<string, [number, number]> = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
      const by = move[event.key];
      if (by) put({ x: clamp(own().x + by[0], -REACH.x, REACH.x), y: clamp(own().y + by[1], -REACH.y, REACH.y) });
      else if (event.key === "Delete" || event.key === "Backspace") remove();
      else return;
      event.preventDefault();
    });
    this.buttons.push(button);
    add(this.layer, button);
  }
}
