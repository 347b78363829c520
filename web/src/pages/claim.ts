// One claim: what its source says, the rule, what was measured, the picture, the commands.
import { add, h } from "../draw/dom";
import { shown } from "../draw/axes";
import { command, duration, facts, table, verdictChip, type Lab } from "./page";

export async function claimPage(content: HTMLElement, lab: Lab): Promise<void> {
  const claim = await lab.source.json(`claims/${lab.words[0] ?? ""}`);
  const word = claim.stale ? "stale" : claim.verdict;
  add(
    content,
    h("p", { class: "lb-crumbs" }, h("a", { href: `#/ledger?study=${claim.study}` }, "ledger"), ` / ${claim.id}`),
    h("h1", {}, claim.title),
    h("p", { class: "lb-lead" }, claim.statement),
    h("p", {}, verdictChip(word), claim.stale ? ` It was ${claim.was}, under another rule or other runs.` : ""),
    claim.interval ? intervalPicture(claim) : null,
    facts([
      ["Source", claim.source],
      ["Published", `${claim.published} (${claim.trust.join("; ")})`],
      ["Measured", claim.judged_at ? claim.measured : "not yet"],
      ["95 % interval", claim.interval && !headlineOf(claim) ? interval(claim.interval) : ""],
      ["How it is measured", claim.measure],
      ["Pass rule", claim.rule],
      ["Rule fixed on", claim.fixed],
      ...claim.changes.map(([date, reason]: string[]): [string, string] => [`Changed ${date}`, reason!]),
      ["Negative control", claim.control],
      ["Note", claim.note],
      ["Why not", claim.why],
      ["Seeds", claim.seeds ? String(claim.seeds) : ""],
      ["Scale", `${claim.scale}${claim.cost[claim.scale] ? ` (${claim.cost[claim.scale]})` : ""}`],
      ["Time", claim.seconds ? duration(claim.seconds) : ""],
      ["Judged", claim.judged_at],
    ]),
    h("h2", {}, "Repeat it"),
    command(claim.command),
  );
  if (claim.runs.length) {
    const row = (digest: string) => (claim.here[digest] ? h("a", { href: `#/run/${digest}` }, claim.here[digest]) : h("span", {}, `${digest} (not in this home)`));
    add(content, h("h2", {}, "Runs it rests on"), h("ul", {}, ...[...new Set<string>(claim.runs)].map((digest) => h("li", {}, row(digest)))));
  }
  if (claim.needs.length) add(content, h("details", {}, h("summary", {}, "Commands of the single runs"), ...claim.needs.map(command)));
  if (Object.keys(claim.estimates).length) add(content, h("h2", {}, "Numbers"), numbers(claim.estimates));
  if (claim.entries.length > 1) add(content, h("h2", {}, "At every scale"), table("Verdicts by scale", ["scale", "verdict", "measured", "seeds"], claim.entries.map((e: any) => [e.scale, verdictChip(e.verdict), e.measured, String(e.seeds || "")])));
  if (claim.drawn) await pictures(content, lab, claim);
}

function interval([low, high]: [number | null, number | null]): string {
  if (low === high) return "none"; // computed exactly, or of one seed
  return `${low === null ? "unbounded" : shown(low)} to ${high === null ? "unbounded" : shown(high)}`;
}

// The number that the claim's interval is of, with its name.
function headlineOf(claim: any): [string, any] | undefined {
  const [low, high] = claim.interval as [number | null, number | null];
  return Object.entries<any>(claim.estimates).find(([, e]) => e.interval?.[0] === low && e.interval?.[1] === high);
}

function intervalPicture(claim: any): HTMLElement | null {
  const found = headlineOf(claim);
  if (!found || found[1].value === null) return null;
  const [name, { value, unit, n, interval: ends }] = found;
  const of = Object.keys(claim.estimates).length > 1 ? `${name.replaceAll("_", " ")}: ` : "";
  return h("p", { class: "lb-interval" }, of, h("strong", {}, shown(value)), ` ${unit ?? ""} `, h("span", {}, `95 %: ${interval(ends)}, n = ${n}`));
}

function numbers(estimates: Record<string, any>): HTMLElement {
  const rows = Object.entries(estimates).map(([name, e]) =>
    typeof e === "object" && e !== null && "interval" in e
      ? [name.replaceAll("_", " "), e.value === null ? "–" : shown(e.value), interval(e.interval), String(e.n ?? ""), e.unit ?? ""]
      : [name.replaceAll("_", " "), String(e), "", "", ""],
  );
  return table("Numbers", ["", "value", "95 % interval", "n", "unit"], rows, [1]);
}

async function pictures(content: HTMLElement, lab: Lab, claim: any): Promise<void> {
  const area = h("div", { class: "lb-pictures" }, h("p", { class: "lb-wait" }, "Drawing…"));
  add(content, h("h2", {}, "Picture"), area);
  try {
    const addresses = await lab.source.pictures(claim.id);
    area.replaceChildren(
      ...addresses.map((address, i) => h("img", { src: address, loading: "lazy", alt: `Picture ${i + 1} of claim ${claim.id}, ${claim.title}: ${claim.measured}` })),
    );
    if (!addresses.length) area.textContent = "There is no picture.";
  } catch (error) {
    area.textContent = (error as Error).message;
  }
}
