// Gradient descent inside the forward pass: weights, the algorithm they compress to, probes, and every baseline.
import { frameAt } from "../../data/frames";
import { Curves } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { Chart } from "../../draw/chart";
import { add, alarm, clear, h, section } from "../../draw/dom";
import { Lines, rangeOf, type Line } from "../../draw/lines";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { carry, replaced, type Part } from "../../draw/swap";
import { memberControls, memberTrait } from "../../host/members";
import type { Model, Packs } from "../../host/model";
import { runView } from "../../host/run_view";
import { linkTraits } from "../../host/traits";
import { shareTrait, stepOf, stepTrait } from "../../host/whereabouts";
import { rowOf, type Arm } from "../future_tokens/arms";
import { blendPictures } from "./blend";
import { blockPictures } from "./blocks";
import type { Look } from "./look";
import { NetworkFilm } from "./network";
import { bindingPictures, probePictures } from "./probes";

interface Linked extends Part {
  tell: () => void;
}

interface DepthArm extends Arm {
  layers: number;
}

const FLOOR = 1 / 300; // of the highest loss; what is better runs along the floor of the chart

const REFERENCES: Record<string, [colour: string, dash: number[]]> = {
  zero: ["--lb-cycle-7", [2, 3]],
  "one gradient step": ["--lb-text", [6, 4]],
  "best of 12 numbers": ["--lb-text", [8, 3, 2, 3]],
  "6 solver steps": ["--lb-faint", [6, 4]],
  "ridge, newest pair left out": ["--lb-faint", [1, 2]],
  ridge: ["--lb-text", [1, 2]],
  "ridge, last state alone": ["--lb-faint", [7, 2, 1, 2]],
  "Kalman filter (told W, C)": ["--lb-faint", [6, 4]],
};

export default runView(async ({ model, packs, root, closing }) => {
  const whole = replaced(h("div"));
  closing.push(whole.close);
  let step: (last: number) => number = (last) => stepOf(model, last);
  const draw = async () => {
    const [pack, table] = await Promise.all([packs.get("mesa"), packs.get("curves")]);
    const curves = new Curves(table);
    const part = await show(packs, pack, curves, model, step(curves.lastStep));
    if (!whole.el().isConnected) root.replaceChildren(whole.el());
    carry(whole.el(), part.el);
    await whole.show(part);
    step = (last) => (part.step() >= curves.lastStep ? last : part.step()); // who stands at the end goes along
  };
  await draw();
  return draw;
});

async function show(packs: Packs, pack: Pack, curves: Curves, model: Model, step: number): Promise<Part & { step: () => number }> {
  const root = h("div");
  const arms = pack.document.groups[0].arms as DepthArm[];
  const wanted = model.get("member");
  const member = curves.placeOf(wanted) < 0 ? pack.document.opens : wanted;
  const store = new Store<Look>({ step, member, share: shareTrait.take(model.get("share") ?? 0) as number });
  const play = player(store, curves.lastStep);
  const colour = (arm: DepthArm) => `--lb-cycle-${arms.indexOf(arm) % 6}`;
  const series = arms.map((arm) => curves.series("test_loss", arm.name, colour(arm), arm.members));
  const unit = curves.document.loss_unit as string;
  const charts = [new Chart({ title: `Test loss: ${unit}`, unit, series, log: true, scrub: play.scrub, height: 170 })];
  const context = contextPicture(pack, arms, colour, store);
  add(
    root,
    h("p", { class: "lb-lead" }, "Trained to continue sequences, these networks come to run a learning algorithm of their own on what they see. Scrub the training, and slide from the network to the algorithm."),
    h("div", { class: "lb-sticky" }, memberControls("Network", curves, store).el, play.el, h("div", { class: "lb-charts" }, ...charts.map((chart) => chart.el))),
  );
  if (context) add(root, section("Loss against the length of the context", context.note, context.el));
  const fixed: { tell: () => void; close: () => void }[] = context ? [context] : [];
  if (pack.document.solver) {
    const depth = depthPicture(pack, arms, store);
    fixed.push(depth);
    add(root, section("Depth beside steps of a solver", "Mean loss over places: networks by number of layers, and as many steps of a solver before one gradient step. If layers are steps, the lines go together.", h("div", { class: "lb-grid lb-two" }, depth.el)));
  }
  const linked = h("div");
  add(root, linked);
  let parts: Linked[] = [];
  let turn = 0;
  const showMember = async () => {
    const own = ++turn;
    const { member } = store.state;
    const begin = () => {
      parts.forEach((part) => part.close());
      parts = [];
      clear(linked);
    };
    let found: (Pack | null)[];
    try {
      found = await Promise.all(["weights", "probes", "binding"].map((kind) => (packs.has(`${kind}-${member}`) ? packs.get(`${kind}-${member}`) : null)));
    } catch (error) {
      if (own !== turn) return;
      begin(); // pictures of another network must not stay under this one's name
      return add(linked, alarm(`The network of member ${member} cannot be shown: ${(error as Error).message}`));
    }
    if (own !== turn) return;
    begin();
    const [weights, probes, binding] = found;
    const place = (part: Linked, title: string, note: string) => {
      parts.push(part);
      add(linked, section(title, note, part.el));
    };
    if (weights) {
      const film = new NetworkFilm(weights);
      if (film.document.movable)
        place(blendPictures(film, store), "From the network to the algorithm", "Compressed, every block of a product is one number times the identity. If the network runs that algorithm, nothing changes on the way there.");
      place(blockPictures(film, store), "The weights, cut into channels", "A token is a row of channels of equal width. A block that only shows its diagonal is a number times the identity: it treats all directions alike, as gradient descent does.");
    }
    if (binding) place(bindingPictures(binding, store), "What the first layer binds", "Networks that read states as they are must first bring a state and the one before together in one place.");
    if (probes) place(probePictures(probes, store), "What probes read, by layer and place", "");
    if (!parts.length) add(linked, h("p", { class: "lb-note" }, "No weights of this network are kept here that these pictures could show."));
  };
  const stops = [
    store.on(["step"], () => {
      charts.forEach((chart) => chart.mark(store.state.step));
      [...fixed, ...parts].forEach((part) => part.tell());
    }),
    store.on(["share"], () => parts.forEach((part) => part.tell())),
    store.on(["member"], () => void showMember()),
    linkTraits(model, store, [stepTrait(() => curves.lastStep), shareTrait, memberTrait(() => curves)]),
  ];
  charts.forEach((chart) => chart.mark(store.state.step));
  await showMember();
  const close = () => {
    play.stop();
    stops.forEach((stop) => stop());
    charts.forEach((chart) => chart.close());
    [...fixed, ...parts].forEach((part) => part.close());
  };
  return { el: root, close, step: () => store.state.step };
}

// Loss at every place, networks by arm, beside every reference there is.
function contextPicture(pack: Pack, arms: DepthArm[], colour: (arm: DepthArm) => string, store: Store<Look>) {
  if (!pack.arrays.by_place) return null;
  const steps = pack.arrays.by_place_steps!.data;
  const width = pack.arrays.by_place!.shape[2]!;
  const x = Array.from({ length: width }, (_, i) => i + 1);
  const names = pack.document.references as string[];
  const text = pack.document.unit === "nats";
  const references: Line[] = names.map((name, i) => ({
    name,
    colour: REFERENCES[name]?.[0] ?? "--lb-faint",
    dash: REFERENCES[name]?.[1] ?? [2, 3],
    thin: true,
    lines: [(pack.arrays.references!.data as Float32Array).subarray(i * width, (i + 1) * width)],
  }));
  const own = (at: number): Line[] => arms.map((arm) => ({ name: arm.name, colour: colour(arm), lines: arm.members.map((member) => rowOf(pack, "by_place", at, member)) }));
  const later = Array.from({ length: steps.length }, (_, i) => i).filter((i) => steps[i]! > 0 || steps.length === 1);
  const range = rangeOf([...later.flatMap((i) => own(i).flatMap((line) => line.lines)), ...references.flatMap((line) => line.lines)], { log: !text, floor: FLOOR });
  const chart = new Lines({
    title: `Loss: ${pack.document.unit}`,
    unit: pack.document.unit,
    height: 260,
    xTitle: text ? "tokens seen" : "states seen",
    x: () => x,
    series: () => [...own(frameAt(steps, store.state.step)), ...references],
    range: () => range,
    log: !text,
    xWords: (value) => `${value} seen`,
  });
  const { window } = pack.document as { window: number };
  const best = names.includes("Kalman filter (told W, C)")
    ? `Little of each system is seen: ridge regression and one gradient step read ${window > 1 ? `the last ${window} states at once` : "the last state"}, and the Kalman filter is told the system, which no network is.`
    : "Ridge regression is close to the best; one gradient step is what one linear layer can do.";
  const note = names.length ? `Dashed: what can be had without training, on the same kind of sequences. ${best} What is far better than all networks runs along the floor.` : "";
  return { el: chart.el, note, tell: () => chart.redraw(), close: () => chart.close() };
}

function depthPicture(pack: Pack, arms: DepthArm[], store: Store<Look>) {
  const steps = pack.arrays.by_place_steps!.data;
  const { solver } = pack.document as { solver: Record<string, any> };
  const depths = [...new Set(arms.map((arm) => arm.layers))].sort((a, b) => a - b);
  const most = Math.max(depths.at(-1)!, ...solver.steps);
  const x = Array.from({ length: most }, (_, i) => i + 1);
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  const at = (frame: number): Float64Array[] => {
    const count = Math.max(...arms.map((arm) => arm.members.length));
    return Array.from({ length: count }, (_, seed) => Float64Array.from(x, (depth) => {
      const arm = arms.find((one) => one.layers === depth);
      const member = arm?.members[seed];
      return member === undefined ? NaN : mean(rowOf(pack, "by_place", frame, member));
    }));
  };
  const solved = Float64Array.from(x, (n) => solver.loss[solver.steps.indexOf(n)] ?? NaN);
  const flat = (value: number) => x.map(() => value);
  const later = Array.from({ length: steps.length }, (_, i) => i).filter((i) => steps[i]! > 0);
  const range = rangeOf([...later.flatMap(at), solved, [solver["one gradient step"], solver.ridge]], { log: true });
  const chart = new Lines({
    title: "Mean loss by depth",
    unit: "half the squared error",
    xTitle: "layers, or solver steps",
    x: () => x,
    series: () => [
      { name: "layers", colour: "--lb-cycle-0", lines: at(frameAt(steps, store.state.step)) },
      { name: "solver steps", colour: "--lb-cycle-1", lines: [solved], dash: [6, 4] },
      { name: "one gradient step", colour: "--lb-text", lines: [flat(solver["one gradient step"])], dash: [6, 4], thin: true },
      { name: "ridge", colour: "--lb-text", lines: [flat(solver.ridge)], dash: [1, 2], thin: true },
    ],
    range: () => range,
    log: true,
  });
  return { el: chart.el, tell: () => chart.redraw(), close: () => chart.close() };
}
