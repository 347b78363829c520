// What became of every member: dots over swept settings, shares as bars, under both rules (figures 8, 20 to 22).
import { Curves, splitSeries } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart } from "../../draw/chart";
import { add, clear, h, select, slider } from "../../draw/dom";
import { shown, shownSteps } from "../../draw/axes";
import { ratioLabel, timeLabel, WORDS } from "../../math/outcome";

interface Numbers {
  minTrain: number;
  minTest: number;
  maxRatio: number;
  tMem: number;
  tGen: number[];
}

export function outcomes(pack: Pack, curves: Curves, pick: (place: number) => void): HTMLElement {
  const { levels, labels, axes, formulas } = pack.document as { levels: number[]; labels: string[][]; axes: Record<string, string[]>; formulas: string[] };
  const count = curves.members.length;
  const data = (name: string) => pack.arrays[name]!.data;
  const numbers = Array.from({ length: count }, (_, i): Numbers => ({
    minTrain: data("min_train")[i]!,
    minTest: data("min_test")[i]!,
    maxRatio: data("max_ratio")[i]!,
    tMem: data("t_mem")[i]!,
    tGen: levels.map((_, l) => data("t_gen")[l * count + i]!),
  }));
  const rule = { loss: 1e-5, ratio: 5e4, level: Math.min(1, levels.length - 1), delay: 1000 };
  const names = Object.keys(axes);
  const layout = { x: names[0] ?? "", y: names[1] ?? "", panel: names[2] ?? "" };
  let shownCell = -1;

  const byRatio = (i: number) => ratioLabel(numbers[i]!.minTrain, numbers[i]!.minTest, numbers[i]!.maxRatio, rule.loss, rule.ratio);
  const byTime = (i: number) => timeLabel(labels[rule.level]![i]!, numbers[i]!.tMem, numbers[i]!.tGen[rule.level]!, rule.delay);
  const dots = h("div", { class: "lb-dots" });
  const counts = h("div", { class: "lb-counts", role: "status" });
  const detail = h("div", { class: "lb-grid lb-nine" });
  const detailTitle = h("h4", {}, "Point at a dot, or tab to it, to see its group");
  const computes = h("p", { class: "lb-note" });
  let charts: Chart[] = [];

  const showGroup = (places: number[], title: string) => {
    const key = places[0] ?? -1;
    if (key === shownCell) return;
    shownCell = key;
    detailTitle.textContent = title;
    const [own, ...others] = new Set(places.map((place) => formulas[place]));
    computes.textContent = own && !others.length ? `Logits of a and b: ${own}` : "";
    charts.forEach((chart) => chart.close());
    charts = places.slice(0, 9).map(
      (place) =>
        new Chart({
          title: `seed ${curves.members[place]!.seed}: ${WORDS[byTime(place)]}`,
          unit: curves.document.loss_unit,
          series: splitSeries(curves, "loss", [place]),
          log: true,
          height: 130,
        }),
    );
    detail.replaceChildren(...charts.map((chart) => chart.el));
  };

  const dot = (place: number, group: number[], title: string): HTMLElement => {
    const words = `${curves.word(place)}. By ratio: ${WORDS[byRatio(place)]}. By time: ${WORDS[byTime(place)]}, memorised at ${time(numbers[place]!.tMem)}, generalised at ${time(numbers[place]!.tGen[rule.level]!)}.`;
    const element = h("button", {
      type: "button",
      class: "lb-dot",
      "aria-label": words,
      title: words,
      "data-ratio": byRatio(place),
      "data-time": byTime(place),
    });
    element.addEventListener("pointerenter", () => showGroup(group, title));
    element.addEventListener("focus", () => showGroup(group, title));
    element.addEventListener("click", () => pick(place));
    return element;
  };

  const cellsOf = (panel: string) => {
    const rows = layout.y ? [...axes[layout.y]!].reverse() : [""];
    const columns = layout.x ? axes[layout.x]! : [""];
    const rest = names.filter((name) => ![layout.x, layout.y, layout.panel].includes(name));
    const table = h("table", { class: "lb-cells" });
    if (panel) add(table, h("caption", {}, `${short(layout.panel)} ${panel}`));
    for (const row of rows) {
      const line = h("tr", {}, layout.y ? h("th", { scope: "row" }, row) : null);
      for (const column of columns) {
        const places = curves.members.flatMap(({ settings }, i) =>
          (!layout.x || settings[layout.x] === column) && (!layout.y || settings[layout.y] === row) && (!layout.panel || settings[layout.panel] === panel) ? [i] : [],
        );
        const title = [layout.x && `${short(layout.x)} ${column}`, layout.y && `${short(layout.y)} ${row}`, panel && `${short(layout.panel)} ${panel}`].filter(Boolean).join(", ");
        add(line, h("td", {}, h("div", { class: "lb-cell" }, ...places.map((place) => dot(place, rest.length ? places : places, title)))));
      }
      add(table, line);
    }
    if (layout.x) add(table, h("tr", {}, layout.y ? h("th", {}, `${short(layout.y)} ↑`) : null, ...columns.map((c) => h("th", { scope: "col" }, c))));
    if (layout.x) add(table, h("tr", {}, h("th", { colspan: columns.length + (layout.y ? 1 : 0) }, `${short(layout.x)} →`)));
    return table;
  };

  // Kinds of network (settings that are words) taken together, and every setting alone.
  const kinds = names.filter((name) => axes[name]!.some((value) => Number.isNaN(Number(value))));
  const groupings: [string, string[]][] = [...(kinds.length > 1 ? [["kind of network", kinds] as [string, string[]]] : []), ...names.map((name): [string, string[]] => [short(name), [name]])];
  let grouping = 0;
  const byGroup = h("div", { class: "lb-groups" });
  const groupShares = (): HTMLElement[] => {
    const chosen = groupings[grouping]?.[1] ?? [];
    const groups = new Map<string, number[]>();
    curves.members.forEach(({ settings }, i) => {
      const key = chosen.map((name) => `${short(name)} ${settings[name]}`).join(", ");
      groups.set(key, [...(groups.get(key) ?? []), i]);
    });
    if (groups.size < 2) return [];
    return [...groups].map(([title, places]) => {
      const row = h("button", { type: "button", class: "lb-group" }, h("span", {}, `${title} (${places.length})`), bar(places.map(byRatio)).el, bar(places.map(byTime)).el);
      row.addEventListener("pointerenter", () => showGroup(places, title));
      row.addEventListener("focus", () => showGroup(places, title));
      return row;
    });
  };
  const redraw = () => {
    clear(dots);
    for (const panel of layout.panel ? axes[layout.panel]! : [""]) add(dots, cellsOf(panel));
    clear(counts);
    add(counts, shares("By ratio (inner colour)", Array.from({ length: count }, (_, i) => byRatio(i)), "ratio"));
    add(counts, shares("By time (ring)", Array.from({ length: count }, (_, i) => byTime(i)), "time"));
    byGroup.replaceChildren(...groupShares());
  };
  const log = (label: string, low: number, high: number, value: number, change: (value: number) => void) =>
    slider({ label, min: low, max: high, step: 0.1, value: Math.log10(value), shown: (e) => shown(Number((10 ** e).toPrecision(2))), change: (e) => { change(10 ** e); redraw(); } }).el;
  const controls = h(
    "div",
    { class: "lb-controls" },
    log("Loss threshold (nats)", -8, 0, rule.loss, (value) => (rule.loss = value)),
    log("Ratio threshold", 0, 8, rule.ratio, (value) => (rule.ratio = value)),
    select("Generalised at", levels.map((level, i): [string, string] => [String(i), `test accuracy ${level}`]), String(rule.level), (value) => {
      rule.level = Number(value);
      redraw();
    }),
    slider({ label: "Shortest delay (steps)", min: 0, max: 5000, step: 50, value: rule.delay, change: (value) => { rule.delay = value; redraw(); } }).el,
    ...(names.length > 1
      ? (["x", "y", "panel"] as const).slice(0, Math.min(3, names.length)).map((axis) =>
          select(axis === "panel" ? "Panels" : `${axis} axis`, [["", "none"], ...names.map((name): [string, string] => [name, short(name)])], layout[axis], (value) => {
            const other = (["x", "y", "panel"] as const).find((a) => a !== axis && layout[a] === value && value);
            if (other) layout[other] = layout[axis];
            layout[axis] = value;
            redraw();
          }),
        )
      : []),
  );
  redraw();
  return h(
    "section",
    { class: "lb-section" },
    h("h3", {}, "What became of every member"),
    h("p", { class: "lb-note" }, "A dot is a member: its inside is the explorable's rule (lowest losses, largest test/train ratio), its ring the time-based rule (when it memorised, when it generalised and stayed). They may differ: the first ignores order. Click a dot to see its network."),
    controls,
    counts,
    names.length ? h("div", { class: "lb-controls" }, select("Shares by", groupings.map(([title], i): [string, string] => [String(i), title]), "0", (value) => { grouping = Number(value); redraw(); })) : "",
    byGroup,
    dots,
    detailTitle,
    computes,
    detail,
  );
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

function short(name: string): string {
  return name.split(".").pop()!.replaceAll("_", " ");
}

function time(step: number): string {
  return Number.isFinite(step) ? `step ${shownSteps(step)}` : "no logged step";
}
