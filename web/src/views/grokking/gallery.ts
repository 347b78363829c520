// Many runs at a glance, each titled with its frequencies; a click takes its network into the pictures (figure 19).
import { splitSeries, type Curves } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart } from "../../draw/chart";
import { button, h, select } from "../../draw/dom";
import { replaced } from "../../draw/swap";
import { inTurns } from "../../host/turns";
import type { Overview } from "./overview";

interface Network {
  member: number;
  step: number;
  frequencies: number[];
  neurons: number[];
  ungrouped: number;
}

const FIRST = 12; // drawn at once; more on request

export function gallery(pick: (member: number) => void): Overview {
  let networks: Network[] = [];
  let curves: Curves | null = null;
  let order = "member";
  let most = FIRST;
  const cards = replaced(h("div", { class: "lb-grid lb-gallery" }));

  const sorted = () =>
    [...networks].sort((a, b) =>
      order === "frequencies"
        ? a.frequencies.length - b.frequencies.length || a.member - b.member
        : order === "ungrouped"
          ? b.ungrouped - a.ungrouped || a.member - b.member
          : a.member - b.member,
    );
  const card = (network: Network, of: Curves): { el: HTMLElement; chart: Chart } => {
    const at = of.placeOf(network.member);
    const title = network.frequencies.length ? network.frequencies.join(", ") : "no frequency yet";
    const chart = new Chart({ title, unit: of.document.loss_unit, series: splitSeries(of, "loss", [at]), log: true, height: 120 });
    const groups = network.frequencies.map((k, i) => `${k} (${network.neurons[i]})`).join(", ");
    const el = h(
      "div",
      { class: "lb-card" },
      chart.el,
      h("p", { class: "lb-note" }, `${of.word(at)}. Neurons: ${groups || "none counted"}; ${network.ungrouped} in no group.`),
      button(`Show the network of member ${network.member}`, () => pick(network.member), { "data-key": network.member }),
    );
    return { el, chart };
  };
  const redraw = inTurns(async () => {
    const known = new Set(curves!.members.map(({ member }) => member));
    const made = sorted()
      .filter(({ member }) => known.has(member))
      .slice(0, most)
      .map((network) => card(network, curves!));
    more.hidden = most >= networks.length;
    await cards.show({ el: h("div", { class: "lb-grid lb-gallery" }, ...made.map(({ el }) => el)), close: () => made.forEach(({ chart }) => chart.close()) });
  });
  const more = button("Show all", () => {
    most = Infinity;
    void redraw();
  });
  const el = h(
    "section",
    { class: "lb-section", hidden: true },
    h("h3", {}, "All networks of this run"),
    h("p", { class: "lb-note" }, "Each chart is one member's loss, titled with the frequencies of its last kept snapshot; in brackets, how many neurons each has."),
    h("div", { class: "lb-controls" }, select("Sorted by", [["member", "member"], ["frequencies", "number of frequencies"], ["ungrouped", "neurons in no group"]], order, (value) => { order = value; void redraw(); })),
    cards.el(),
    more,
  );
  return {
    el,
    async renew(pack: Pack, fresh: Curves) {
      [networks, curves] = [pack.document.networks as Network[], fresh];
      el.hidden = false;
      await redraw();
    },
    close: cards.close,
  };
}
