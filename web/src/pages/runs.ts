// The list of runs, and one run with its views; a run that is training moves.
import { add, h, select } from "../draw/dom";
import { renew } from "../draw/swap";
import { readAddress, writeAddress } from "../host/address";
import type { Model } from "../host/model";
import { inTurns } from "../host/turns";
import { openView, type Opened } from "../host/open_view";
import { follow } from "./follow";
import { command, duration, facts, table, words, type Lab } from "./page";

export function runsPage(content: HTMLElement, lab: Lab): void {
  const filter = { study: lab.query.get("study") ?? "", scale: "" };
  const area = h("div");
  const picked = new Set<string>();
  const compare = h("a", { class: "lb-call", href: "#/compare" }, "Compare the chosen");
  const redraw = (runs: any[]) => {
    const shown = runs.filter((run) => (!filter.study || run.study === filter.study) && (!filter.scale || run.scale === filter.scale));
    const box = (run: any) => {
      const input = h("input", { type: "checkbox", "data-key": `box ${run.id}`, "aria-label": `Choose ${run.label} to compare` });
      input.checked = picked.has(run.id);
      input.addEventListener("change", () => {
        if (input.checked) picked.add(run.id);
        else picked.delete(run.id);
        compare.href = `#/compare?runs=${[...picked].join(",")}`;
      });
      return input;
    };
    renew(
      area,
      shown.length
        ? table(
            "Runs",
            ["", "run", "members", "status", "task", "model", "time"],
            shown.map((run) => [box(run), h("a", { href: `#/run/${run.id}`, "data-key": `run ${run.id}` }, run.label), String(run.members), status(run), run.task, words(run.model), duration(run.seconds)]),
            [2, 6],
          )
        : h("p", {}, "No runs here yet. Make one: ", command("latebloom run grokking.modular_addition --scale quick")),
    );
  };
  const kinds = (name: string): [string, string][] => [["", "all"], ...[...new Set(lab.index.runs.map((r: any) => r[name]))].map((v): [string, string] => [String(v), words(String(v))])];
  let runs = lab.index.runs as any[];
  add(
    content,
    h("h1", {}, "Runs"),
    h("div", { class: "lb-controls" }, ...(["study", "scale"] as const).map((name) => select(name, kinds(name), filter[name], (value) => { filter[name] = value; redraw(runs); })), compare),
    area,
  );
  redraw(runs);
  const read = inTurns(async () => redraw((runs = (await lab.source.json("index")).runs)));
  lab.onClose(
    lab.source.onChange((stamps) => {
      const known = new Map(runs.map((run) => [run.id, run.stamp]));
      // What cannot be read now is read at the next word of it.
      if (Object.entries(stamps).some(([id, stamp]) => known.get(id) !== stamp)) read().catch(() => {});
    }),
  );
}

function status(run: any): HTMLElement {
  return h("span", { class: run.finished ? "lb-done" : "lb-moving" }, run.status);
}

function stateOf(run: any): (Node | string)[] {
  return [`${run.members} member${run.members === 1 ? "" : "s"}, ${duration(run.seconds)} of training, `, status(run)];
}

export async function runPage(content: HTMLElement, lab: Lab): Promise<void> {
  const [id, asked] = lab.words;
  const run = await lab.source.json(`runs/${id}`);
  const state = h("p", {}, ...stateOf(run));
  // The title tells of the experiment as it is by itself: what was set otherwise must stand beside it.
  const changed = (run.command as string).replace(/^.* --scale \S+ ?/, "");
  const place = h("div");
  const names = run.views.map((view: any) => view.name) as string[];
  const name = asked && names.includes(asked) ? asked : (names.find((n) => n !== "curves") ?? "curves");
  const tabs = run.views.map((view: any) => h("a", { title: view.about, "aria-current": view.name === name ? "page" : null }, view.title)) as HTMLAnchorElement[];
  const address = (view: string, query: string) => `#/run/${id}/${view}${query && `?${query}`}`;
  // Other views open where this one is.
  const lead = (query: string) => tabs.forEach((tab, i) => (tab.href = address(names[i]!, query)));
  const begin = readAddress(lab.query);
  lead(writeAddress((key) => begin[key]));
  add(
    content,
    h("p", { class: "lb-crumbs" }, h("a", { href: "#/runs" }, "runs"), ` / ${run.label}`),
    h("h1", {}, `${words(run.experiment.split(".").slice(1).join("."))}, ${run.scale}`),
    h("p", { class: "lb-lead" }, run.title),
    changed ? h("p", { class: "lb-note" }, "In this run: ", h("code", {}, changed)) : null,
    state,
    h("nav", { class: "lb-tabs", "aria-label": "Views of this run" }, ...tabs),
    place,
    h("h2", {}, "About this run"),
    command(run.command),
    facts([
      ["Claims resting on it", run.claims.length ? h("span", {}, ...run.claims.flatMap((c: string, i: number) => [i ? ", " : "", h("a", { href: `#/claim/${c}` }, c)])) : null],
      ["Versions", Object.entries(run.versions).map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : v}`).join(", ")],
      ["Hash", run.id],
    ]),
    h("details", {}, h("summary", {}, "Specification of the first member"), h("pre", { tabindex: 0 }, JSON.stringify(run.specification, null, 1))),
  );
  let closed = false; // another page, or another view of this run, has the address now
  lab.onClose(() => {
    closed = true;
    clearTimeout(due);
  });
  const saved = (model: Model) => {
    if (closed) return;
    const query = writeAddress((key) => model.get(key));
    lead(query);
    remember(id!, address(name, query));
  };
  const opened: Opened = await openView(name, lab.source, place, { document: run, ...begin }, saved);
  lab.onClose(opened.close);
  lab.onClose(follow(lab, run, opened, (fresh) => state.replaceChildren(...stateOf(fresh))));
}

let due = 0;

// The address keeps where the reader is, so that it can be sent to somebody.
function remember(id: string, address: string): void {
  clearTimeout(due);
  due = window.setTimeout(() => {
    if (location.hash.startsWith(`#/run/${id}`)) history.replaceState(null, "", address);
  }, 400);
}
