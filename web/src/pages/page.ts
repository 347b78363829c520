// What a page gets, and pieces that several pages use.
import type { Source } from "../data/source";
import { h } from "../draw/dom";

export interface Lab {
  source: Source;
  index: any;
  query: URLSearchParams;
  words: string[]; // of the address, behind the page's name
  onClose: (close: () => void) => void;
}

export type Page = (content: HTMLElement, lab: Lab) => void | Promise<void>;

export function verdictChip(verdict: string): HTMLElement {
  return h("span", { class: "lb-verdict-chip", "data-verdict": verdict }, verdict);
}

export function facts(rows: [string, Node | string | null | undefined | false][]): HTMLElement {
  return h("dl", { class: "lb-facts" }, ...rows.flatMap(([name, value]) => (value ? [h("dt", {}, name), h("dd", {}, value)] : [])));
}

export function command(text: string): HTMLElement {
  const button = h("button", { type: "button", class: "lb-copy" }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      button.textContent = "select and copy"; // a folder's page may have no clipboard
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return h("div", { class: "lb-command" }, h("code", { tabindex: 0 }, text), button);
}

export function duration(seconds: number): string {
  if (seconds < 0.1) return "<0.1 s";
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export function words(name: string): string {
  return name.replaceAll("_", " ");
}

// A table that scrolls sideways by itself where the screen is narrow.
export function table(caption: string, head: string[], rows: (Node | string)[][], numbers: number[] = []): HTMLElement {
  const kind = (i: number) => (numbers.includes(i) ? "lb-right" : null);
  return h(
    "div",
    { class: "lb-table", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "lb-hidden" }, caption),
      h("thead", {}, h("tr", {}, ...head.map((text, i) => h("th", { scope: "col", class: kind(i) }, text)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, i) => h("td", { class: kind(i) }, cell))))),
    ),
  );
}
