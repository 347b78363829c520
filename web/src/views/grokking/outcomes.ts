// What became of every member: dots over swept settings, shares as bars, under both rules (figures 8, 20 to 22).
import { splitSeries, type Curves } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart } from "../../draw/chart";
import { add, h, select, slider } from "../../draw/dom";
import { shown, shownSteps } from "../../draw/axes";
import { swap } from "../../draw/swap";
import { ratioLabel, timeLabel, WORDS } from "../../math/outcome";
import { cells, short } from "./dots";
import { rowsOf, ruleOf, type Row, type Rule } from "./outcome_rows";
import type { Overview } from "./overview";

const MOST = 9; // loss charts of a group
const STOPPED = "Members of this run end early once their accuracy has reached its goal; a rule on losses then takes them as they were, still falling.";

export function outcomes(pick: (member: number) => void): Overview {
  let rule: Rule; // as the pack has it, then as the reader sets it
  let delayed = false; // the reader has set the delay
  const layout = { x: "", y: "", panel: "" };
  let rows: Row[] = [];
  let curves: Curves;
  let axes: Record<string, string[]> = {};
  let stops = false; // whether members end early by a rule of the run
  let grouping = 0;
  let group: { title: string; members: Set<number> } | null = null; // whose loss charts are shown
  let charts: Chart[] = [];
  let built = ""; // which members stand where

  const byRatio = (row: Row) => ratioLabel(row.minTrain, row.minTest, row.maxRatio, rule.loss, rule.ratio);
  const byTime = (row: Row) => timeLabel(row.labels[rule.level]!, row.tMem, row.tGen[rule.level]!, rule.delay);
  const unit = h("p", { class: "lb-note" });
  const controls = h("div", { class: "lb-controls" });
  const counts = h("div", { class: "lb-counts", role: "status" });
  const byGroup = h("div", { class: "lb-groups" });
  const dots = h("div", { class: "lb-dots" });
  const detailTitle = h("h4", {}, "Point at a dot, or tab to it, to see its group");
  const computes = h("p", { class: "lb-note" });
  let detail: HTMLElement = h("div", { class: "lb-grid lb-nine" });
  const el = h(
    "section",
    { class: "lb-section", hidden: true },
    h("h3", {}, "What became of every member"),
    h("p", { class: "lb-note" }, "A dot is a member: its inside is the explorable's rule (lowest losses, largest test/train ratio), its ring the time-based rule (when it memorised, when it generalised and stayed). They may differ: the first ignores order. Click a dot to see its network."),
    unit,
    controls,
    counts,
  );

  // Groups that can be pointed at, by their title: cells of dots, and rows of shares.
  const groups = new Map<string, Set<number>>();
  const titleOf = (row: Row) => `seed ${row.seed}: ${WORDS[byTime(row)]}`;
  const lossOf = (row: Row) => splitSeries(curves, "loss", [curves.placeOf(row.member)]);
  const shownRows = () => rows.filter(({ member }) => group?.members.has(member)).slice(0, MOST);
  const drawGroup = (): HTMLElement => {
    charts = shownRows().map((row) => new Chart({ title: titleOf(row), unit: curves.document.loss_unit, series: lossOf(row), log: true, height: 130 }));
    return h("div", { class: "lb-grid lb-nine" }, ...charts.map((chart) => chart.el));
  };
  const showGroup = (title: string) => {
    if (title === group?.title) return;
    group = { title, members: groups.get(title)! };
    detailTitle.textContent = title || "All members";
    const [own, ...others] = new Set(shownRows().map(({ formula }) => formula));
    computes.textContent = own && !others.length ? `Logits of a and b: ${own}` : "";
    charts.forEach((chart) => chart.close());
    const fresh = drawGroup();
    detail.replaceWith(fresh);
    detail = fresh;
  };
  // The same charts with new numbers, unless members have joined the group.
  const renewGroup = async () => {
    if (!group) return;
    const members = groups.get(group.title) ?? group.members;
    if ([...members].join() === [...group.members].join()) return shownRows().forEach((row, i) => charts[i]!.update({ series: lossOf(row), title: titleOf(row) }));
    group = { ...group, members };
    const before = { detail, charts };
    detail = drawGroup();
    await swap(before.detail, detail);
    before.charts.forEach((chart) => chart.close());
  };

  const known = new Map<number, HTMLElement>(); // dots by member
  const dot = (row: Row, title: string): HTMLElement => {
    const element = h("button", { type: "button", class: "lb-dot", "data-key": row.member, onclick: () => pick(row.member), onpointerenter: () => showGroup(title), onfocus: () => showGroup(title) });
    groups.set(title, (groups.get(title) ?? new Set()).add(row.member));
    known.set(row.member, element);
    return element;
  };
  const paintDots = () => {
    for (const row of rows) {
      const words = `${curves.word(curves.placeOf(row.member))}. By ratio: ${WORDS[byRatio(row)]}. By time: ${WORDS[byTime(row)]}, memorised at ${time(row.tMem)}, generalised at ${time(row.tGen[rule.level]!)}.`;
      const given = { "aria-label": words, title: words, "data-ratio": byRatio(row), "data-time": byTime(row) };
      Object.entries(given).forEach(([name, value]) => known.get(row.member)!.setAttribute(name, value));
    }
  };

  // Kinds of network (settings that are words) taken together, and every setting alone.
  const groupings = (): [string, string[]][] => {
    const names = Object.keys(axes);
    const kinds = names.filter((name) => axes[name]!.some((value) => Number.isNaN(Number(value))));
    return [...(kinds.length > 1 ? [["kind of network", kinds] as [string, string[]]] : []), ...names.map((name): [string, string[]] => [short(name), [name]])];
  };
  let bars: { own: Row[]; place: HTMLElement }[] = [];
  const groupRows = (): HTMLElement[] => {
    const chosen = groupings()[grouping]?.[1] ?? [];
    const found = new Map<string, Row[]>();
    for (const row of rows) {
      const key = chosen.map((name) => `${short(name)} ${row.settings[name]}`).join(", ");
      found.set(key, [...(found.get(key) ?? []), row]);
    }
    bars = [];
    if (found.size < 2) return [];
    return [...found].map(([title, own]) => {
      groups.set(title, new Set(own.map(({ member }) => member)));
      const place = h("button", { type: "button", class: "lb-group", "data-key": title, onpointerenter: () => showGroup(title), onfocus: () => showGroup(title) });
      bars.push({ own, place });
      return place;
    });
  };
  const paintGroups = () => {
    const now = new Map(rows.map((row) => [row.member, row]));
    for (const { own, place } of bars) {
      const fresh = own.map(({ member }) => now.get(member)!);
      place.replaceChildren(h("span", {}, `${place.dataset.key} (${own.length})`), bar(fresh.map(byRatio)).el, bar(fresh.map(byTime)).el);
    }
  };

  const build = () => {
    const held = (el.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    const key = held && el.contains(held) ? held.dataset.key : undefined;
    [groups, known].forEach((one) => one.clear());
    byGroup.replaceChildren(...groupRows());
    dots.replaceChildren(...cells(rows, axes, layout, dot));
    if (key !== undefined) el.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  };
  const paint = () => {
    const now = JSON.stringify([layout, grouping, axes, rows.map(({ member }) => member)]);
    if (now !== built) build();
    built = now;
    paintDots();
    paintGroups();
    const fresh = [shares("By ratio (inner colour)", rows.map(byRatio), "ratio"), shares("By time (ring)", rows.map(byTime), "time")];
    if (fresh.map((one) => one.textContent).join() !== [...counts.children].map((one) => one.textContent).join()) counts.replaceChildren(...fresh);
    unit.textContent = [unitWords(rows, rule.loss), stops && STOPPED].filter(Boolean).join(" ");
    unit.hidden = !unit.textContent;
  };
  const change = () => {
    paint();
    void renewGroup();
  };

  const log = (label: string, low: number, high: number, value: number, set: (value: number) => void) =>
    slider({ label, min: low, max: high, step: 0.1, value: Math.log10(value), shown: (e) => shown(Number((10 ** e).toPrecision(2))), change: (e) => { set(10 ** e); change(); } }).el;
  const axisChoice = (axis: "x" | "y" | "panel"): HTMLElement =>
    select(axis === "panel" ? "Panels" : `${axis} axis`, [["", "none"], ...Object.keys(axes).map((name): [string, string] => [name, short(name)])], layout[axis], (value) => {
      const other = (["x", "y", "panel"] as const).find((a) => a !== axis && layout[a] === value && value);
      if (other) layout[other] = layout[axis];
      layout[axis] = value;
      change();
    });
  const delay = slider({ label: "Shortest delay (steps)", min: 0, max: 5000, value: 0, shown, change: (value) => { delayed = true; rule.delay = value; change(); } });
  // That of a short run grows with it, and the slider's reach with that, until the reader sets another.
  const followDelay = (own: number) => {
    [delay.input.max, delay.input.step] = [String(5 * own), String(own / 20)];
    if (!delayed) rule.delay = own;
    delay.set(rule.delay);
  };
  // Once: levels, and which settings vary, stay what they are.
  const begin = (pack: Pack) => {
    const levels = pack.document.levels as number[];
    const names = Object.keys(pack.document.axes);
    rule = ruleOf(pack);
    Object.assign(layout, { x: names[0] ?? "", y: names[1] ?? "", panel: names[2] ?? "" });
    axes = pack.document.axes;
    add(
      controls,
      log(`Loss threshold (${ruleUnit(rowsOf(pack), pack.document.loss_unit)})`, -8, 0, rule.loss, (value) => (rule.loss = value)),
      log("Ratio threshold", 0, 8, rule.ratio, (value) => (rule.ratio = value)),
      select("Generalised at", levels.map((level, i): [string, string] => [String(i), `test accuracy ${level}`]), String(rule.level), (value) => {
        rule.level = Number(value);
        change();
      }),
      delay.el,
      ...(names.length > 1 ? (["x", "y", "panel"] as const).slice(0, Math.min(3, names.length)).map(axisChoice) : []),
    );
    if (names.length)
      add(el, h("div", { class: "lb-controls" }, select("Shares by", groupings().map(([title], i): [string, string] => [String(i), title]), "0", (value) => { grouping = Number(value); change(); })));
    add(el, byGroup, dots, detailTitle, computes, detail);
  };
  return {
    el,
    async renew(pack, fresh) {
      if (el.hidden) begin(pack);
      followDelay(ruleOf(pack).delay);
      el.hidden = false;
      curves = fresh;
      ({ axes, stops } = pack.document);
      rows = rowsOf(pack).filter(({ member }) => curves.placeOf(member) >= 0);
      paint();
      await renewGroup();
    },
    close: () => charts.forEach((chart) => chart.close()),
  };
}

function ruleUnit(rows: Row[], unit: string): string {
  const [own, ...others] = new Set(rows.map(({ divisor }) => divisor));
  const nats = unit.includes("nats") ? "nats" : unit;
  return others.length ? `${nats}/classes` : own === 1 ? nats : `${nats}/${own}`;
}

// Said where the explorable's unit is not that of the curves.
function unitWords(rows: Row[], threshold: number): string {
  const divided = rows.find(({ divisor }) => divisor !== 1);
  if (!divided) return "";
  const [one, there] = [threshold, threshold * divided.divisor].map((value) => shown(Number(value.toPrecision(2))));
  return `For residues the explorable averages the loss over classes as well, so its losses, and the threshold of its rule, are nats divided by p = ${divided.divisor}: ${one} there is ${there} nats in the curves here.`;
}

function bar(labels: string[]): { el: HTMLElement; counted: [string, number][] } {
  const counted = Object.keys(WORDS)
    .map((label): [string, number] => [label, labels.filter((one) => one === label).length])
    .filter(([, n]) => n);
  const el = h("span", { class: "lb-share", role: "img", "aria-label": counted.map(([label, n]) => `${WORDS[label]} ${n}`).join(", ") });
  for (const [label, n] of counted) {
    const piece = h("span", { "data-outcome": label });
    piece.style.width = `${(100 * n) / labels.length}%`;
    el.append(piece);
  }
  return { el, counted };
}

function shares(title: string, labels: string[], kind: string): HTMLElement {
  const { el, counted } = bar(labels);
  const words = counted.map(([label, n]) => h("li", {}, h("span", { class: "lb-chip", "data-outcome": label }), ` ${WORDS[label]} ${n}`));
  return h("div", { class: "lb-shares", "data-kind": kind }, h("h4", {}, title), el, h("ul", { class: "lb-key" }, ...words));
}

function time(step: number): string {
  return Number.isFinite(step) ? `step ${shownSteps(step)}` : "no logged step";
}
