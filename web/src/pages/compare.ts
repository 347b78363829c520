// Runs side by side: the same quantities of each in one picture, and what they differ in.
import { Curves } from "../data/curves";
import { parsePack } from "../data/safetensors";
import { Chart, type Series } from "../draw/chart";
import { add, clear, h, select } from "../draw/dom";
import { player } from "../draw/player";
import { Store } from "../draw/store";
import { table, type Lab } from "./page";

const MOST = 6;

export async function comparePage(content: HTMLElement, lab: Lab): Promise<void> {
  const chosen = (lab.query.get("runs") ?? "").split(",").filter(Boolean).slice(0, MOST);
  const runs = lab.index.runs as any[];
  add(content, h("h1", {}, "Compare runs"), h("p", {}, `Medians over members, up to ${MOST} runs; faint lines are single members.`));
  const go = (list: string[]) => (location.hash = `#/compare?runs=${list.join(",")}`);
  const rest: [string, string][] = runs.filter((run) => !chosen.includes(run.id)).map((run) => [run.id, run.label]);
  if (chosen.length < MOST && rest.length)
    add(content, h("div", { class: "lb-controls" }, select("Add a run", [["", "choose…"], ...rest], "", (id) => id && go([...chosen, id]))));
  if (!chosen.length) return;
  const documents = await Promise.all(chosen.map((id) => lab.source.json(`runs/${id}`)));
  const curves = await Promise.all(chosen.map(async (id) => new Curves(parsePack(await lab.source.pack(id, "curves")))));
  add(
    content,
    h("ul", { class: "lb-key" }, ...documents.map((run, i) => {
      const chip = h("span", { class: "lb-chip" });
      chip.style.background = `var(--lb-cycle-${i})`;
      const leave = h("button", { type: "button", "aria-label": `Remove ${run.label}` }, "×");
      leave.addEventListener("click", () => go(chosen.filter((id) => id !== run.id)));
      return h("li", {}, chip, " ", h("a", { href: `#/run/${run.id}` }, run.label), " ", leave);
    })),
  );
  const names = [...new Set(curves.flatMap((own) => own.names))];
  const last = Math.max(...curves.map((own) => own.lastStep));
  const store = new Store({ step: last });
  const play = player(store, last);
  const charts = names.map((name) => {
    const series: Series[] = curves.flatMap((own, i) => (own.has(name) ? [own.series(name, documents[i].label, `--lb-cycle-${i}`)] : []));
    const accuracy = name.endsWith("_accuracy");
    const positive = series.every((s) => s.lines.every((line) => Array.from(line).every((v) => !(v <= 0))));
    return new Chart({
      title: name.replaceAll("_", " "),
      unit: curves.find((own) => own.has(name))!.unit(name),
      series,
      log: !accuracy && positive,
      ...(accuracy ? { range: [0, 1] as [number, number] } : {}),
      scrub: play.scrub,
    });
  });
  store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  charts.forEach((chart) => chart.mark(last));
  lab.onClose(() => [...charts.map((chart) => () => chart.close()), play.stop].forEach((close) => close()));
  add(content, play.el, h("div", { class: "lb-grid lb-two" }, ...charts.map((chart) => chart.el)), h("h2", {}, "What they differ in"), differences(documents));
}

function differences(documents: any[]): HTMLElement {
  const flat = documents.map((run) => flatten(run.specification));
  const keys = [...new Set(flat.flatMap((own) => Object.keys(own)))].filter((key) => new Set(flat.map((own) => own[key])).size > 1);
  const area = h("div");
  clear(area);
  add(area, keys.length ? table("Settings that differ", ["setting", ...documents.map((run) => run.label)], keys.map((key) => [key, ...flat.map((own) => own[key] ?? "–")])) : "The first members have the same settings.");
  return area;
}

function flatten(value: any, prefix = ""): Record<string, string> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return { [prefix]: JSON.stringify(value) };
  return Object.assign({}, ...Object.entries(value).map(([key, inner]) => flatten(inner, prefix ? `${prefix}.${key}` : key)));
}
