// Studies, and the list of experiments.
import { add, h } from "../draw/dom";
import { command, table, verdictChip, words, type Lab } from "./page";

const VERDICTS = ["reproduced", "contradicted", "inconclusive", "stale", "not run"];

export function homePage(content: HTMLElement, lab: Lab): void {
  add(
    content,
    h("h1", {}, "What did it learn, and when?"),
    h("p", { class: "lb-lead" }, "Populations of small networks, watched while they come to generalise; published claims about them, checked."),
    h("div", { class: "lb-grid lb-cards" }, ...lab.index.studies.map((study: any) => card(study, lab))),
    h("p", {}, h("a", { href: "#/explorable", class: "lb-call" }, "Play the grokking explorable")),
  );
}

function card(study: any, lab: Lab): HTMLElement {
  const claims = lab.index.claims.filter((claim: any) => claim.study === study.name);
  const runs = lab.index.runs.filter((run: any) => run.study === study.name);
  const counted = VERDICTS.map((verdict) => [verdict, claims.filter((c: any) => c.verdict === verdict).length] as const);
  const bar = h("div", { class: "lb-share", "aria-hidden": "true" });
  for (const [verdict, count] of counted) {
    if (!count) continue;
    const piece = h("span", { "data-verdict": verdict });
    piece.style.width = `${(100 * count) / claims.length}%`;
    bar.append(piece);
  }
  return h(
    "article",
    { class: "lb-card" },
    h("h2", {}, words(study.name)),
    h("p", {}, study.about),
    bar,
    h("p", { class: "lb-chips" }, ...counted.filter(([, count]) => count).map(([verdict, count]) => h("a", { href: `#/ledger?study=${study.name}&verdict=${encodeURIComponent(verdict)}` }, verdictChip(verdict), ` ${count}`))),
    h("p", {}, h("a", { href: `#/ledger?study=${study.name}` }, `${claims.length} claims`), " · ", h("a", { href: `#/experiments?study=${study.name}` }, `${study.experiments.length} experiments`), " · ", h("a", { href: `#/runs?study=${study.name}` }, `${runs.length} run${runs.length === 1 ? "" : "s"} here`)),
  );
}

export function experimentsPage(content: HTMLElement, lab: Lab): void {
  const only = lab.query.get("study");
  add(content, h("h1", {}, "Experiments"), h("p", {}, "Each is a command; add settings such as seed=0:8 or training.weight_decay=0.1,1 behind it."));
  for (const study of lab.index.studies) {
    if (only && study.name !== only) continue;
    const rows = study.experiments.map((experiment: any) => {
      const runs = lab.index.runs.filter((run: any) => run.experiment === experiment.name);
      return [
        experiment.name.split(".").slice(1).join("."),
        experiment.title,
        h("span", {}, ...runs.flatMap((run: any, i: number) => [i ? ", " : "", h("a", { href: `#/run/${run.id}` }, run.scale)])),
        command(`latebloom run ${experiment.name} --scale quick`),
      ];
    });
    add(content, h("h2", {}, words(study.name)), table(`Experiments of ${words(study.name)}`, ["name", "what it is", "runs here", "command"], rows));
  }
}
