// Axes of charts: scales from d3, ticks and labels on a canvas.
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from "d3-scale";
import type { Theme } from "./theme";

export type Scale = ScaleContinuousNumeric<number, number>;

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export function makeScale(log: boolean, domain: [number, number], range: [number, number]): Scale {
  let [low, high] = domain;
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  return (log ? scaleLog() : scaleLinear()).domain([low, high]).range(range);
}

// Ticks that leave room between labels, two at least: one number alone tells no scale. Of a log scale, powers of ten
// where there are two of them. `whole`: what is counted has no halves.
export function ticksOf(scale: Scale, log: boolean, count: number, whole = false): number[] {
  const found = anyTicks(scale, log, count);
  return whole ? found.filter(Number.isInteger) : found;
}

function anyTicks(scale: Scale, log: boolean, count: number): number[] {
  const [low, high] = scale.domain() as [number, number];
  if (!log) return even(low, high, count);
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / count));
  const powers = [];
  for (let e = first; e <= last; e += every) powers.push(10 ** e);
  if (powers.length > 1) return powers;
  const between = []; // less than two powers of ten: 1, 2 and 5 of each decade
  for (let e = first - 1; e <= last + 1; e++) for (const digit of [1, 2, 5]) between.push(digit * 10 ** e);
  const found = between.filter((tick) => tick >= low && tick <= high);
  return found.length > 1 ? found : even(low, high, count / 2); // they stand closer towards the top
}

function even(low: number, high: number, count: number): number[] {
  const scale = scaleLinear().domain([low, high]);
  for (let more = count; ; more++) {
    const found = scale.ticks(more);
    if (found.length > 1 || more > count + 8) return found;
  }
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// Numbers of one axis, in as many digits as tell them apart.
export function shownTicks(ticks: number[], log = true): string[] {
  for (let digits = 3; ; digits++) {
    const words = ticks.map((tick) => written(tick, digits, log));
    if (digits > 9 || new Set(words).size === words.length) return words;
  }
}

export function shown(value: number): string {
  return written(value, 3, true);
}

// `powers`: a large power of ten is written as one.
function written(value: number, digits: number, powers: boolean): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const exponent = Math.round(Math.log10(size));
  const power = Math.abs(size / 10 ** exponent - 1) < 1e-9;
  if (power && (exponent < -2 || exponent > 4) && (powers || size < 1)) return `${value < 0 ? "−" : ""}${powerOfTen(exponent)}`;
  if (size < 1e-3) {
    const floor = Math.floor(Math.log10(size));
    return `${trimmed(value / 10 ** floor, digits - 1)}·${powerOfTen(floor)}`;
  }
  if (size >= 1e4) return `${trimmed(value / 1e3, digits)}k`;
  return trimmed(value, digits);
}

function powerOfTen(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((d) => SUPERSCRIPTS[Number(d)]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

export function shownSteps(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function drawAxes(
  context: CanvasRenderingContext2D,
  theme: Theme,
  box: Box,
  x: { scale: Scale; log: boolean; title: string | null; whole?: boolean }, // null: no words, the axis stands elsewhere
  y: { scale: Scale; log: boolean },
): void {
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.faint;
  context.textBaseline = "middle";
  context.textAlign = "right";
  const levels = ticksOf(y.scale, y.log, Math.max(2, (box.bottom - box.top) / 38));
  const words = shownTicks(levels, y.log);
  levels.forEach((tick, i) => {
    const at = Math.round(y.scale(tick)) + 0.5;
    context.beginPath();
    context.moveTo(box.left, at);
    context.lineTo(box.right, at);
    context.stroke();
    context.fillText(words[i]!, box.left - 6, at, box.left - 8);
  });
  if (x.title === null) return;
  context.textBaseline = "top";
  context.textAlign = "center";
  const ticks = ticksOf(x.scale, x.log, Math.max(2, (box.right - box.left) / 90), x.whole);
  const places = shownTicks(ticks, x.log);
  ticks.forEach((tick, i) => context.fillText(places[i]!, clamp(x.scale(tick), box.left + 6, box.right - 12), box.bottom + 5));
  context.textAlign = "right";
  context.fillText(x.title, box.right, box.bottom + 20);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
