// Runs side by side: the same quantities of each in one picture, and what they differ in.
import { Curves } from "../data/curves";
import { parsePack } from "../data/safetensors";
import { Chart, type Series } from "../draw/chart";
import { add, h, select } from "../draw/dom";
import { player } from "../draw/player";
import { Store } from "../draw/store";
import { table, type Lab } from "./page";

const MOST = 6;

interface Compared {
  id: string;
  run: any; // its document; null: it could not be read
  curves: Curves | null;
  why: string; // it is not drawn
  colour: string;
}

export async function comparePage(content: HTMLElement, lab: Lab): Promise<void> {
  const chosen = [...new Set((lab.query.get("runs") ?? "").split(",").filter(Boolean))].slice(0, MOST);
  const runs = lab.index.runs as any[];
  add(content, h("h1", {}, "Compare runs"), h("p", {}, `Medians over members, up to ${MOST} runs; faint lines are single members.`));
  const go = (list: string[]) => (location.hash = `#/compare?runs=${list.join(",")}`);
  const rest: [string, string][] = runs.filter((run) => !chosen.includes(run.id)).map((run) => [run.id, run.label]);
  if (chosen.length < MOST && rest.length)
    add(content, h("div", { class: "lb-controls" }, select("Add a run", [["", "choose…"], ...rest], "", (id) => id && go([...chosen, id]))));
  if (!chosen.length) return;
  const all = await Promise.all(chosen.map((id, i) => read(lab, id, `--lb-cycle-${i}`)));
  add(
    content,
    h("ul", { class: "lb-key" }, ...all.map(({ id, run, why, colour }) => {
      const chip = h("span", { class: "lb-chip" });
      chip.style.background = `var(${colour})`;
      const label = run?.label ?? id;
      const leave = h("button", { type: "button", "aria-label": `Remove ${label}` }, "×");
      leave.addEventListener("click", () => go(chosen.filter((one) => one !== id)));
      return h("li", {}, why ? null : chip, " ", run ? h("a", { href: `#/run/${id}` }, label) : label, why ? `: ${why} ` : " ", leave);
    })),
  );
  const drawn = all.filter(({ curves }) => curves);
  if (drawn.length) charts(content, lab, drawn);
  const told = all.filter(({ run }) => run).map(({ run }) => run);
  if (told.length > 1) add(content, h("h2", {}, "What they differ in"), differences(told));
}

// One run that cannot be read, or has measured nothing, must not hide the others.
async function read(lab: Lab, id: string, colour: string): Promise<Compared> {
  let run = null;
  try {
    run = await lab.source.json(`runs/${id}`);
    if (!run.packs.includes("curves")) return { id, run, curves: null, why: "has measured nothing yet", colour };
    return { id, run, curves: new Curves(parsePack(await lab.source.pack(id, "curves"))), why: "", colour };
  } catch (error) {
    return { id, run, curves: null, why: (error as Error).message, colour };
  }
}

function charts(content: HTMLElement, lab: Lab, compared: Compared[]): void {
  const last = Math.max(...compared.map(({ curves }) => curves!.lastStep));
  const store = new Store({ step: last });
  const play = player(store, last);
  // A loss in nats and one of another kind have no common axis, though their columns have one name.
  const found = new Map<string, { name: string; unit: string; series: Series[] }>();
  for (const { run, curves, colour } of compared)
    for (const name of curves!.names) {
      const unit = curves!.unit(name);
      const key = `${name}\n${unit}`;
      if (!found.has(key)) found.set(key, { name, unit, series: [] });
      found.get(key)!.series.push(curves!.series(name, run.label, colour));
    }
  const made = [...found.values()].map(({ name, unit, series }) => {
    const accuracy = name.endsWith("_accuracy");
    const positive = series.every((s) => s.lines.every((line) => Array.from(line).every((v) => !(v <= 0))));
    const words = name.replaceAll("_", " ");
    return new Chart({
      title: name.endsWith("_loss") ? `${words}: ${unit}` : words,
      unit,
      series,
      log: !accuracy && positive,
      ...(accuracy ? { range: [0, 1] as [number, number] } : {}),
      scrub: play.scrub,
    });
  });
  store.on(["step"], () => made.forEach((chart) => chart.mark(store.state.step)));
  made.forEach((chart) => chart.mark(last));
  lab.onClose(() => [...made.map((chart) => () => chart.close()), play.stop].forEach((close) => close()));
  add(content, play.el, h("div", { class: "lb-grid lb-two" }, ...made.map((chart) => chart.el)));
}

function differences(documents: any[]): HTMLElement {
  const flat = documents.map((run) => flatten(run.specification));
  const keys = [...new Set(flat.flatMap((own) => Object.keys(own)))].filter((key) => new Set(flat.map((own) => own[key])).size > 1);
  if (!keys.length) return h("div", {}, "The first members have the same settings.");
  return h("div", {}, table("Settings that differ", ["setting", ...documents.map((run) => run.label)], keys.map((key) => [key, ...flat.map((own) => own[key] ?? "–")])));
}

function flatten(value: any, prefix = ""): Record<string, string> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return { [prefix]: JSON.stringify(value) };
  return Object.assign({}, ...Object.entries(value).map(([key, inner]) => flatten(inner, prefix ? `${prefix}.${key}` : key)));
}
