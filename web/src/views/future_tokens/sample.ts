// Test sequences coloured by where the vanilla network gains over another arm of its seed. Pointing at a symbol, or the
// arrow keys, tell both networks' surprisal there and what they thought likeliest.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { shownSteps } from "../../draw/axes";
import { add, alarm, h, select, uniqueId } from "../../draw/dom";
import { nextFrame } from "../../draw/frame";
import type { Shared } from "../../draw/store";
import { onThemeChange, themeOf } from "../../draw/theme";
import { mix } from "../../draw/cells";
import type { Packs } from "../../host/model";
import type { Look } from "./look";
import { signed } from "./places";

interface SampleArm {
  member: number;
  past: string;
  name: string;
}

const FULL = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 1.5]; // nats at which the colour may be full
const STRONGEST = 0.55; // share of the colour in the ground's: text on it stays readable

export class Sample {
  readonly rows: number;
  readonly places: number;
  readonly arms: SampleArm[];

  constructor(readonly pack: Pack) {
    [this.rows, this.places] = pack.arrays.targets!.shape as [number, number];
    this.arms = pack.document.arms;
  }

  get steps(): ArrayLike<number> {
    return this.pack.arrays.steps!.data;
  }

  counts(row: number, place: number): boolean {
    return this.pack.arrays.weight!.data[row * this.places + place]! > 0;
  }

  symbol(name: "inputs" | "targets", row: number, place: number): string {
    return this.pack.document.symbols[this.pack.arrays[name]!.data[row * this.places + place]!];
  }

  surprisal(frame: number, arm: number, row: number, place: number): number {
    return this.pack.arrays.surprisal!.data[this.at(frame, arm, row, place)]!;
  }

  // Likeliest symbols with their probabilities.
  candidates(frame: number, arm: number, row: number, place: number): [symbol: string, chance: number][] {
    const count = this.pack.arrays.top!.shape[4]!;
    const start = this.at(frame, arm, row, place) * count;
    const { top, chance } = this.pack.arrays;
    return Array.from({ length: count }, (_, i) => [this.pack.document.symbols[top!.data[start + i]!], chance!.data[start + i]!]);
  }

  private at(frame: number, arm: number, row: number, place: number): number {
    return ((frame * this.arms.length + arm) * this.rows + row) * this.places + place;
  }
}

export function shownSymbol(symbol: string): string {
  return symbol.replaceAll("\n", "¶").replaceAll("\t", "→");
}

// A symbol standing alone: a space can be seen, and heard.
function alone(symbol: string): string {
  return symbol === " " ? "␣" : shownSymbol(symbol);
}

function spoken(symbol: string): string {
  return { " ": "space", "\n": "line break", "\t": "tab" }[symbol] ?? symbol;
}

// Which symbol is looked at, of which sample: it stays so when a run moves on and all is drawn anew.
export interface Kept {
  pack: string;
  at: [row: number, place: number] | null;
}

export function samplePicture(packs: Packs, samples: { pack: string; label: string; group: string }[], store: Shared<Look>, group: () => string, kept: Kept) {
  const el = h("div");
  const controls = h("div", { class: "lb-controls" });
  const text = h("div", { class: "lb-text", role: "listbox", tabindex: 0, "aria-label": "Symbols to be predicted; arrow keys move" });
  const summary = h("p", { class: "lb-verdict" });
  const panel = h("div", { class: "lb-said" });
  const key = h("p", { class: "lb-note lb-gainkey" });
  const trouble = alarm();
  add(el, controls, trouble, summary, key, h("div", { class: "lb-reading" }, text, panel));
  let sample: Sample | null = null;
  let other = 1; // which arm is compared with the first, the vanilla one
  let spans: HTMLElement[][] = [];
  let at: [row: number, place: number] | null = null;
  let shownFrame = -1;
  let full = 1.5; // nats at which the colour is full: few gains at the end are larger

  const frame = () => frameAt(sample!.steps, store.state.step);
  const gain = (row: number, place: number) => sample!.surprisal(frame(), other, row, place) - sample!.surprisal(frame(), 0, row, place);

  const paint = () => {
    if (!sample) return;
    const theme = themeOf(el);
    const colour = (value: number) => mix(theme.ground, value < 0 ? theme.low : theme.high, STRONGEST * Math.min(1, Math.abs(value) / full));
    let [total, count] = [0, 0];
    const means = [0, 0];
    spans.forEach((line, row) =>
      line.forEach((span, place) => {
        if (!sample!.counts(row, place)) return;
        const value = gain(row, place);
        span.style.backgroundColor = colour(value);
        total += value;
        means[0]! += sample!.surprisal(frame(), 0, row, place);
        means[1]! += sample!.surprisal(frame(), other, row, place);
        count++;
      }),
    );
    const [one, two] = means.map((value) => (value / Math.max(1, count)).toFixed(3));
    summary.textContent = `Step ${shownSteps(sample.steps[frame()]!)}, mean surprisal of the ${count} symbols asked for: ${sample.arms[0]!.name} ${one} nats, ${sample.arms[other]!.name} ${two} nats; gain ${signed(total / Math.max(1, count))}. A guess has ${Math.log(sample.pack.document.vocabulary).toFixed(2)}.`;
    key.replaceChildren(...[-full, -full / 2, 0, full / 2, full].map((value) => {
      const box = h("span", { class: "lb-keybox" }, value ? signed(value) : "0");
      box.style.backgroundColor = colour(value);
      return box;
    }), h("span", {}, `nats that vanilla gains over ${sample.arms[other]!.name}. Each symbol shown is the one to be predicted there.`));
    shownFrame = frame();
    tell();
  };

  const tell = () => {
    if (!sample || !at) return;
    const [row, place] = at;
    const before = Array.from({ length: Math.min(12, place + 1) }, (_, i) => sample!.symbol("inputs", row, place - Math.min(11, place) + i)).join("");
    const right = sample.symbol("targets", row, place);
    panel.replaceChildren(
      h("p", { class: "lb-after" }, "after ", h("code", {}, `${place > 11 ? "…" : ""}${shownSymbol(before)}`), " comes ", h("code", { class: "lb-right-answer" }, alone(right))),
      h("div", { class: "lb-grid lb-pair" }, ...[0, other].map((arm) => column(arm, row, place, right))),
    );
    const span = spans[row]?.[place];
    span?.setAttribute("aria-label", `${spoken(right)}: ${[0, other].map((arm) => `${sample!.arms[arm]!.name} ${sample!.surprisal(frame(), arm, row, place).toFixed(2)} nats`).join(", ")}`);
  };

  const column = (arm: number, row: number, place: number, right: string): HTMLElement => {
    const nats = sample!.surprisal(frame(), arm, row, place);
    const rows = sample!.candidates(frame(), arm, row, place).map(([symbol, chance]) => {
      const bar = h("span", { class: symbol === right ? "lb-bar lb-hit" : "lb-bar" });
      bar.style.width = `${Math.max(1, 100 * chance)}%`;
      return h("li", {}, h("code", {}, alone(symbol)), h("span", { class: "lb-track" }, bar), h("span", { class: "lb-number" }, `${(100 * chance).toFixed(0)} %`));
    });
    return h(
      "div",
      {},
      h("h4", {}, sample!.arms[arm]!.name),
      h("p", { class: "lb-nats" }, `${nats.toFixed(2)} nats`, h("span", { class: "lb-faint" }, ` (${(100 * Math.exp(-nats)).toFixed(nats > 4.6 ? 1 : 0)} %)`)),
      h("ol", { class: "lb-candidates" }, ...rows),
    );
  };

  const move = (next: [number, number]) => {
    if (at) spans[at[0]]?.[at[1]]?.setAttribute("aria-selected", "false");
    at = kept.at = next;
    const span = spans[next[0]]?.[next[1]];
    if (!span) return;
    span.setAttribute("aria-selected", "true");
    text.setAttribute("aria-activedescendant", span.id);
    tell();
  };

  const fullColour = (): number => {
    const end = sample!.steps.length - 1;
    const gains: number[] = [];
    for (let row = 0; row < sample!.rows; row++)
      for (let place = 0; place < sample!.places; place++)
        if (sample!.counts(row, place)) gains.push(Math.abs(sample!.surprisal(end, other, row, place) - sample!.surprisal(end, 0, row, place)));
    gains.sort((a, b) => a - b);
    const large = gains[Math.floor(0.97 * (gains.length - 1))] ?? 0;
    return FULL.find((value) => value >= large) ?? FULL.at(-1)!;
  };

  const build = () => {
    const { rows, places } = sample!;
    text.style.columnWidth = `calc(${places} * (1ch + 2px) + 2ch)`; // several sequences beside each other where there is room
    spans = [];
    const stem = uniqueId("symbol");
    text.replaceChildren(
      ...Array.from({ length: rows }, (_, row) => {
        const line = Array.from({ length: places }, (_, place) =>
          h("span", { role: "option", id: `${stem}-${row}-${place}`, "aria-selected": "false", "aria-label": spoken(sample!.symbol("targets", row, place)), class: sample!.counts(row, place) ? null : "lb-unasked" }, shownSymbol(sample!.symbol("targets", row, place))),
        );
        spans.push(line);
        return h("div", { class: "lb-textline", role: "group", "aria-label": `sequence ${row + 1}` }, ...line);
      }),
    );
    // Where vanilla gains most at the end: there is something to see.
    let best: [number, number] = [0, 0];
    const end = sample!.steps.length - 1;
    const late = (row: number, place: number) => sample!.surprisal(end, other, row, place) - sample!.surprisal(end, 0, row, place);
    for (let row = 0; row < rows; row++) for (let place = 0; place < places; place++) if (sample!.counts(row, place) && (late(row, place) > late(...best) || !sample!.counts(...best))) best = [row, place];
    full = fullColour();
    at = null;
    nextFrame(paint); // colours are known once it stands in the page
    move(kept.at ?? best);
  };

  text.addEventListener("pointerover", (event) => {
    const row = spans.findIndex((line) => line.includes(event.target as HTMLElement));
    if (row >= 0) move([row, spans[row]!.indexOf(event.target as HTMLElement)]);
  });
  text.addEventListener("keydown", (event) => {
    const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!by || !sample) return;
    event.preventDefault();
    const clip = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
    const [row, place] = at ?? [0, 0];
    move([clip(row + by[0]!, sample.rows), clip(place + by[1]!, sample.places)]);
  });

  // The list of arms belongs to the sample; the list of samples to the group.
  let turn = 0;
  const open = async (name: string) => {
    const own = ++turn;
    const pack = await packs.get(name).catch((error: Error) => error);
    if (own !== turn) return; // other sequences were chosen meanwhile
    trouble.textContent = pack instanceof Error ? `These sequences cannot be shown: ${pack.message}` : "";
    if (pack instanceof Error) return;
    const found = new Sample(pack);
    if (name !== kept.pack) [kept.pack, kept.at] = [name, null];
    const past = sample?.arms[other]?.past ?? "hidden";
    sample = found;
    other = Math.max(1, found.arms.findIndex((arm) => arm.past === past));
    const choices = samples.filter((one) => one.group === group());
    controls.replaceChildren();
    if (choices.length > 1) add(controls, select("Sequences and networks of", choices.map((one): [string, string] => [one.pack, one.label]), name, (value) => void open(value)));
    if (found.arms.length > 2)
      add(controls, select("Vanilla compared with", found.arms.slice(1).map((arm, i): [string, string] => [String(i + 1), arm.name]), String(other), (value) => { other = Number(value); full = fullColour(); paint(); }));
    build();
  };
  const change = async () => {
    const first = samples.find((one) => one.group === group());
    el.hidden = !first;
    turn++;
    if (first) await open(first.pack);
  };
  const unlisten = onThemeChange(paint);
  return { el, change, step: () => sample && frame() !== shownFrame && paint(), close: unlisten };
}
