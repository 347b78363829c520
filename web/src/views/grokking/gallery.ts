// Many runs at a glance, each titled with its frequencies; a click takes its network into the pictures (figure 19).
import { Curves, splitSeries } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart } from "../../draw/chart";
import { button, h, select } from "../../draw/dom";

interface Network {
  member: number;
  step: number;
  frequencies: number[];
  neurons: number[];
  ungrouped: number;
}

const FIRST = 12; // drawn at once; more on request

export function gallery(pack: Pack, curves: Curves, pick: (place: number) => void, closing: (() => void)[]): HTMLElement {
  const networks = pack.document.networks as Network[];
  const place = new Map(curves.members.map(({ member }, i) => [member, i]));
  const cards = h("div", { class: "lb-grid lb-gallery" });
  let charts: Chart[] = [];
  let order = "member";
  let most = FIRST;
  closing.push(() => charts.forEach((chart) => chart.close()));

  const sorted = () =>
    [...networks].sort((a, b) =>
      order === "frequencies"
        ? a.frequencies.length - b.frequencies.length || a.member - b.member
        : order === "ungrouped"
          ? b.ungrouped - a.ungrouped || a.member - b.member
          : a.member - b.member,
    );
  const more = button("Show all", () => {
    most = networks.length;
    redraw();
  });
  const redraw = () => {
    charts.forEach((chart) => chart.close());
    charts = [];
    cards.replaceChildren(
      ...sorted()
        .slice(0, most)
        .map((network) => card(network)),
    );
    more.hidden = most >= networks.length;
  };
  const card = (network: Network): HTMLElement => {
    const at = place.get(network.member)!;
    const title = network.frequencies.length ? network.frequencies.join(", ") : "no frequency yet";
    const chart = new Chart({
      title,
      unit: curves.document.loss_unit,
      series: splitSeries(curves, "loss", [at]),
      log: true,
      height: 120,
    });
    charts.push(chart);
    const groups = network.frequencies.map((k, i) => `${k} (${network.neurons[i]})`).join(", ");
    return h(
      "div",
      { class: "lb-card" },
      chart.el,
      h("p", { class: "lb-note" }, `${curves.word(at)}. Neurons: ${groups || "none counted"}; ${network.ungrouped} in no group.`),
      button(`Show the network of member ${network.member}`, () => pick(at)),
    );
  };
  redraw();
  return h(
    "section",
    { class: "lb-section" },
    h("h3", {}, "All networks of this run"),
    h("p", { class: "lb-note" }, "Each chart is one member's loss, titled with the frequencies of its last kept snapshot; in brackets, how many neurons each has."),
    h("div", { class: "lb-controls" }, select("Sorted by", [["member", "member"], ["frequencies", "number of frequencies"], ["ungrouped", "neurons in no group"]], order, (value) => { order = value; redraw(); })),
    cards,
    more,
  );
}
