// Small pictures of groups of neurons: their waves, and their stars in the plane of one frequency.
import { Plot, pointerPlace } from "./plot";
import type { Theme } from "./theme";

export interface WaveOptions {
  title: string;
  label: string;
  points: number; // of every wave
  lines: () => { neuron: number; colour: number; at: (point: number) => number }[];
  top: () => number; // the axis runs from -top to top
  picked: () => number | null;
  hover: (neuron: number | null) => void;
}

export function waves(options: WaveOptions): Plot {
  const y = (value: number, height: number) => height / 2 - (value / (options.top() || 1)) * (height / 2 - 4);
  const plot = new Plot({
    title: options.title,
    label: options.label,
    height: 120,
    className: "lb-small",
    draw(context, width, height, theme) {
      zero(context, theme, width, height / 2);
      const picked = options.picked();
      for (const line of options.lines()) {
        context.strokeStyle = theme.cycle[line.colour % theme.cycle.length]!;
        context.globalAlpha = picked === null || picked === line.neuron ? 1 : 0.18;
        context.lineWidth = picked === line.neuron ? 2.5 : 1.4;
        context.beginPath();
        for (let i = 0; i < options.points; i++) {
          const x = 4 + (i / Math.max(1, options.points - 1)) * (width - 8);
          if (i) context.lineTo(x, y(line.at(i), height));
          else context.moveTo(x, y(line.at(i), height));
        }
        context.stroke();
      }
      context.globalAlpha = 1;
    },
  });
  plot.canvas.addEventListener("pointermove", (event) => {
    const [px, py] = pointerPlace(event, plot.canvas);
    const point = Math.round(((px - 4) / Math.max(1, plot.width - 8)) * (options.points - 1));
    if (point < 0 || point >= options.points) return;
    options.hover(nearest(options.lines().map((l) => ({ neuron: l.neuron, far: Math.abs(y(l.at(point), plot.height) - py) })), 14));
  });
  plot.canvas.addEventListener("pointerleave", () => options.hover(null));
  return plot;
}

function nearest(candidates: { neuron: number; far: number }[], reach: number): number | null {
  const best = candidates.reduce((a, b) => (b.far < a.far ? b : a), { neuron: -1, far: Infinity });
  return best.far <= reach ? best.neuron : null;
}

function zero(context: CanvasRenderingContext2D, theme: Theme, width: number, at: number): void {
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, Math.round(at) + 0.5);
  context.lineTo(width, Math.round(at) + 0.5);
  context.stroke();
}

export interface StarOptions {
  title: string;
  label: string;
  points: () => { neuron: number; x: number; y: number }[]; // in the order in which they are joined
  joined: () => boolean;
  picked: () => number | null;
  hover: (neuron: number | null) => void;
}

export function star(options: StarOptions): Plot {
  let drawn: { neuron: number; x: number; y: number }[] = [];
  const plot = new Plot({
    title: options.title,
    label: options.label,
    height: (width) => Math.min(width, 220),
    className: "lb-small lb-square",
    draw(context, width, height, theme) {
      const points = options.points();
      const mean = points.reduce((sum, { x, y }) => sum + Math.hypot(x, y), 0) / Math.max(1, points.length);
      const reach = 1.2 * Math.max(mean, ...points.map(({ x, y }) => Math.hypot(x, y)), 1e-9);
      const half = Math.min(width, height) / 2 - 6;
      const place = ({ x, y }: { x: number; y: number }): [number, number] => [
        width / 2 + (x / reach) * half,
        height / 2 - (y / reach) * half,
      ];
      zero(context, theme, width, height / 2);
      context.beginPath();
      context.moveTo(Math.round(width / 2) + 0.5, 0);
      context.lineTo(Math.round(width / 2) + 0.5, height);
      context.stroke();
      context.setLineDash([3, 4]);
      context.strokeStyle = theme.faint;
      context.beginPath();
      context.arc(width / 2, height / 2, (mean / reach) * half, 0, 2 * Math.PI);
      context.stroke();
      context.setLineDash([]);
      drawn = points.map((point) => ({ neuron: point.neuron, x: place(point)[0], y: place(point)[1] }));
      if (options.joined() && drawn.length > 1) {
        context.strokeStyle = theme.accent;
        context.lineWidth = 1.5;
        context.beginPath();
        [...drawn, drawn[0]!].forEach(({ x, y }, i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
        context.stroke();
      }
      const picked = options.picked();
      drawn.forEach(({ neuron, x, y }, i) => {
        context.fillStyle = theme.cycle[i % theme.cycle.length]!;
        context.globalAlpha = picked === null || picked === neuron ? 1 : 0.35;
        context.beginPath();
        context.arc(x, y, picked === neuron ? 7 : 4.5, 0, 2 * Math.PI);
        context.fill();
      });
      context.globalAlpha = 1;
    },
  });
  plot.canvas.addEventListener("pointermove", (event) => {
    const [px, py] = pointerPlace(event, plot.canvas);
    options.hover(nearest(drawn.map(({ neuron, x, y }) => ({ neuron, far: Math.hypot(x - px, y - py) })), 16));
  });
  plot.canvas.addEventListener("pointerleave", () => options.hover(null));
  return plot;
}

export interface BarOptions {
  title: string;
  label: string;
  values: () => ArrayLike<number>;
  top: () => number;
  right: () => number; // which bar is the answer
  height?: number;
}

export function bars(options: BarOptions): Plot {
  return new Plot({
    title: options.title,
    label: options.label,
    height: options.height ?? 74,
    className: "lb-bars",
    draw(context, width, height, theme) {
      const values = options.values();
      const wide = width / values.length;
      const scale = (height / 2 - 2) / (options.top() || 1);
      zero(context, theme, width, height / 2);
      for (let i = 0; i < values.length; i++) {
        const right = i === options.right();
        context.fillStyle = right ? theme.accent : theme.faint;
        const tall = values[i]! * scale;
        context.fillRect(i * wide + 0.5, height / 2 - Math.max(0, tall), Math.max(1, wide - 1), Math.max(1, Math.abs(tall)));
        if (right) context.fillRect(i * wide + wide / 2 - 1, height - 4, 3, 4);
      }
    },
  });
}
