// All claims with their verdicts, filtered by study, verdict, scale and words.
import { add, clear, h, select, uniqueId } from "../draw/dom";
import { duration, table, verdictChip, words, type Lab } from "./page";

export function ledgerPage(content: HTMLElement, lab: Lab): void {
  const claims = lab.index.claims as any[];
  const filter = { study: lab.query.get("study") ?? "", verdict: lab.query.get("verdict") ?? "", scale: lab.query.get("scale") ?? "", q: lab.query.get("q") ?? "" };
  const area = h("div");
  const count = h("p", { role: "status" });
  const kinds = (name: string): [string, string][] => [["", "all"], ...[...new Set(claims.map((c) => c[name]))].sort().map((v): [string, string] => [v, words(v)])];
  const redraw = () => {
    const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
    history.replaceState(null, "", `#/ledger${String(query) ? `?${query}` : ""}`);
    const asked = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = claims.filter((claim) => {
      const text = `${claim.id} ${claim.title} ${claim.published} ${claim.measured}`.toLowerCase();
      return (["study", "verdict", "scale"] as const).every((name) => !filter[name] || claim[name] === filter[name]) && asked.every((word) => text.includes(word));
    });
    count.textContent = `${rows.length} of ${claims.length} claims`;
    clear(area);
    const shown = table(
        "The ledger",
        ["claim", "title", "verdict", "published", "measured", "scale", "seeds", "time"],
        rows.map((claim) => [
          h("a", { href: `#/claim/${claim.id}` }, claim.id),
          claim.title,
          verdictChip(claim.verdict),
          claim.published,
          claim.measured,
          claim.scale,
          claim.seeds ? String(claim.seeds) : "",
          claim.seconds ? duration(claim.seconds) : "",
        ]),
        [6, 7],
    );
    shown.classList.add("lb-ledger");
    add(area, shown);
  };
  const id = uniqueId("search");
  const search = h("input", { id, type: "search", value: filter.q });
  search.addEventListener("input", () => {
    filter.q = search.value;
    redraw();
  });
  const choose = (name: "study" | "verdict" | "scale") => select(name, kinds(name), filter[name], (value) => { filter[name] = value; redraw(); });
  add(
    content,
    h("h1", {}, "The ledger"),
    h("p", {}, "Every claim with its verdict, computed from runs. Rules were fixed before the results were seen; a contradicted claim is a result."),
    h("div", { class: "lb-controls" }, choose("study"), choose("verdict"), choose("scale"), h("div", { class: "lb-field" }, h("label", { for: id }, "words"), search)),
    count,
    area,
  );
  redraw();
}
