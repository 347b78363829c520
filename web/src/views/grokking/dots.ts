// A dot for every member over the settings that vary: tables of cells, a cell for each pair of values.
import { add, h } from "../../draw/dom";
import type { Row } from "./outcome_rows";

export interface Layout {
  x: string; // names of settings; empty: none
  y: string;
  panel: string;
}

type Axes = Record<string, string[]>;

export function cells(rows: Row[], axes: Axes, layout: Layout, dot: (row: Row, title: string) => HTMLElement): HTMLElement[] {
  const panels = layout.panel ? axes[layout.panel]! : [""];
  return panels.map((panel) => {
    const down = layout.y ? [...axes[layout.y]!].reverse() : [""];
    const across = layout.x ? axes[layout.x]! : [""];
    const is = (settings: Record<string, string>, name: string, value: string) => !name || settings[name] === value;
    const table = h("table", { class: "lb-cells" });
    if (panel) add(table, h("caption", {}, `${short(layout.panel)} ${panel}`));
    for (const y of down) {
      const line = h("tr", {}, layout.y ? h("th", { scope: "row" }, y) : null);
      for (const x of across) {
        const own = rows.filter(({ settings }) => is(settings, layout.x, x) && is(settings, layout.y, y) && is(settings, layout.panel, panel));
        const title = [layout.x && `${short(layout.x)} ${x}`, layout.y && `${short(layout.y)} ${y}`, panel && `${short(layout.panel)} ${panel}`].filter(Boolean).join(", ");
        add(line, h("td", {}, h("div", { class: "lb-cell" }, ...own.map((row) => dot(row, title)))));
      }
      add(table, line);
    }
    if (layout.x) add(table, h("tr", {}, layout.y ? h("th", {}, `${short(layout.y)} ↑`) : null, ...across.map((x) => h("th", { scope: "col" }, x))));
    if (layout.x) add(table, h("tr", {}, h("th", { colspan: across.length + (layout.y ? 1 : 0) }, `${short(layout.x)} →`)));
    return table;
  });
}

export function short(name: string): string {
  return name.split(".").pop()!.replaceAll("_", " ");
}
