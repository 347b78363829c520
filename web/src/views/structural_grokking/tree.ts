// Two trees over one sentence: the network's above the words, the grammar's hanging below them. A node stands for the gap
// at which it splits, so every node has a place in every other tree, and goes there when the step changes.
import { Plot } from "../../draw/plot";
import type { Theme } from "../../draw/theme";
import { nextFrame } from "../../draw/frame";
import type { Span } from "../../math/grammar";

export interface Shown {
  words: string[];
  nodes: Span[] | null; // of the network, by gap; null: not read yet
  gold: Span[] | null; // of the grammar, by gap
}

interface Place {
  x: number; // in words
  y: number; // in levels
}

const DURATION = 450; // milliseconds of a change

export class TreePicture {
  readonly plot: Plot;
  private shown: Shown = { words: [], nodes: null, gold: null };
  private from: Place[] = [];
  private begun = 0;

  constructor() {
    this.plot = new Plot({
      title: "",
      label: "The network's tree over the words, the grammar's below them.",
      height: (width) => (width < 560 ? 420 : 400),
      className: "lb-tree",
      draw: (context, width, height, theme) => this.draw(context, width, height, theme),
    });
    this.plot.caption.remove();
  }

  show(shown: Shown): void {
    const same = shown.words.join(" ") === this.shown.words.join(" ");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const changed = JSON.stringify(shown.nodes) !== JSON.stringify(this.shown.nodes);
    if (changed || !same) {
      this.from = same && this.shown.nodes && !still ? this.now() : [];
      this.begun = performance.now();
    }
    this.shown = shown;
    this.plot.label(words(shown));
    this.plot.redraw();
  }

  close(): void {
    this.plot.close();
  }

  // Where the nodes are at this moment of a change.
  private now(): Place[] {
    const to = placesOf(this.shown.nodes!);
    const share = Math.min(1, (performance.now() - this.begun) / DURATION);
    const eased = share * share * (3 - 2 * share);
    return to.map((end, gap) => {
      const start = this.from[gap] ?? end;
      return { x: start.x + eased * (end.x - start.x), y: start.y + eased * (end.y - start.y) };
    });
  }

  private draw(context: CanvasRenderingContext2D, width: number, height: number, theme: Theme): void {
    const { words, nodes, gold } = this.shown;
    const n = words.length;
    if (!n) return;
    const step = (width - 16) / n;
    context.font = `13px ${theme.font}`;
    const widest = Math.max(...words.map((word) => context.measureText(word).width));
    const flat = widest < step - 6;
    const band = flat ? 34 : widest + 20; // of the words
    const titles = 18;
    const room = (height - band - 2 * titles) / 2;
    const x = (word: number) => 8 + (word + 0.5) * step;
    const [top, bottom] = [titles + room, titles + room + band];
    const goldSpans = new Set((gold ?? []).map(String));
    const ownSpans = new Set((nodes ?? []).map(String));
    context.fillStyle = theme.text;
    context.textBaseline = "middle";
    words.forEach((word, i) => {
      context.save();
      context.translate(x(i), (top + bottom) / 2);
      if (!flat) context.rotate(-Math.PI / 2);
      context.textAlign = "center";
      context.fillText(word, 0, 0);
      context.restore();
    });
    context.fillStyle = theme.faint;
    context.textAlign = "left";
    context.fillText(nodes ? "The network’s tree" : "The network’s tree is being worked out…", 8, 9);
    context.fillText(gold ? "The grammar’s tree" : "No tree of the grammar for these words", 8, height - 8);
    if (nodes) {
      const levels = Math.max(...placesOf(nodes).map(({ y }) => y), 1);
      const high = Math.max(levels, ...this.from.map(({ y }) => y));
      drawTree(context, theme, nodes, this.now(), x, (level) => top - 4 - (level / high) * (room - 12), (span) => (gold ? goldSpans.has(String(span)) : true), "--lb-cycle-0", "--lb-bad");
      if (performance.now() - this.begun < DURATION && this.from.length) requestAnimationFrame(() => nextFrame(this.again));
    }
    if (gold) {
      const places = placesOf(gold);
      const levels = Math.max(...places.map(({ y }) => y), 1);
      drawTree(context, theme, gold, places, x, (level) => bottom + 4 + (level / levels) * (room - 12), (span) => !nodes || ownSpans.has(String(span)), "--lb-cycle-0", "--lb-faint");
    }
  }

  private readonly again = () => this.plot.redraw();
}

// A node in the middle of its words, as high as its tree is deep.
function placesOf(nodes: Span[]): Place[] {
  const deep = (first: number, last: number): number => {
    if (first === last) return 0;
    const gap = nodes.findIndex((node) => node && node[0] === first && node[1] === last);
    return gap < 0 ? 0 : 1 + Math.max(deep(first, gap), deep(gap + 1, last));
  };
  return nodes.map(([first, last]) => ({ x: (first + last) / 2, y: deep(first, last) }));
}

function drawTree(
  context: CanvasRenderingContext2D,
  theme: Theme,
  nodes: Span[],
  places: Place[],
  x: (word: number) => number,
  y: (level: number) => number,
  right: (span: Span) => boolean,
  shared: string,
  alone: string,
): void {
  const find = (first: number, last: number) => nodes.findIndex((node) => node[0] === first && node[1] === last);
  context.strokeStyle = theme.faint;
  context.lineWidth = 1.4;
  context.lineJoin = "round";
  nodes.forEach(([first, last], gap) => {
    const own = places[gap]!;
    for (const [i, j] of [[first, gap], [gap + 1, last]] as const) {
      const child = i === j ? { x: i, y: 0 } : (places[find(i, j)] ?? { x: (i + j) / 2, y: 0 });
      context.beginPath();
      context.moveTo(x(own.x), y(own.y));
      context.lineTo(x(child.x), y(own.y));
      context.lineTo(x(child.x), y(child.y));
      context.stroke();
    }
  });
  nodes.forEach((span, gap) => {
    const { x: at, y: level } = places[gap]!;
    const good = right(span);
    context.beginPath();
    context.arc(x(at), y(level), good ? 4.5 : 4, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = theme.of(good ? shared : alone);
    context.fillStyle = good ? theme.of(shared) : theme.ground;
    context.fill();
    context.stroke();
  });
}

// For the ear: the bracketed sentence.
function words({ words: text, nodes, gold }: Shown): string {
  const said = (tree: Span[] | null) => (tree ? bracketed(text, tree, 0, text.length - 1) : "not known");
  return `The network's tree: ${said(nodes)}. The grammar's tree: ${said(gold)}.`;
}

export function bracketed(text: string[], nodes: Span[], first: number, last: number): string {
  if (first === last) return text[first]!;
  const gap = nodes.findIndex((node) => node && node[0] === first && node[1] === last);
  return `(${bracketed(text, nodes, first, gap)} ${bracketed(text, nodes, gap + 1, last)})`;
}

// Nodes of the grammar, the whole sentence left out, that a tree has.
export function agreement(nodes: Span[], gold: Span[]): { found: number; of: number } {
  const own = new Set(nodes.map(String));
  const inner = gold.filter(([first, last]) => last - first + 1 < gold.length + 1);
  return { found: inner.filter((span) => own.has(String(span))).length, of: inner.length };
}
