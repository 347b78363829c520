// Points that a person puts and moves, and what networks and references predict from them.
import type { Pack } from "../../data/safetensors";
import { shown as shownNumber, shownSteps } from "../../draw/axes";
import { button, h, slider } from "../../draw/dom";
import { nextFrame } from "../../draw/frame";
import type { Shared } from "../../draw/store";
import { swatch } from "../../draw/swatch";
import { leastSquares, nearest, posteriorMean, type Answer, type FunctionFamily } from "../../math/posterior";
import { blended, blendOf, drawPair, errorTo, FIRST, frequencies, pointsOf, type Blend } from "./blend";
import { Board, REACH, type Curve, type Point } from "./board";
import { Networks } from "./networks";
import { byWord, mixtureWords, NETWORK_COLOURS } from "./words";

const QUERIES = 97;
const CLASS_COLOURS = ["--lb-cycle-0", "--lb-cycle-2", "--lb-cycle-3"];

// The points that are there, and the blend that the sliders stand at; null: at none yet.
export interface Put {
  points: readonly Point[];
  blend: Blend | null;
  own: boolean; // whether the points were put, and not taken from the blend
}

export interface Play {
  step: number;
  put: Put;
}

export interface Playground {
  el: HTMLElement;
  onBlend(asked: unknown): Put | null; // points on a blend of three numbers, where they name one
  renew(first: Pack, earlier: (() => Promise<Pack>) | null): boolean; // false: these are other networks, and nothing was done
  close(): void;
}

export function playground(first: Pack, earlier: (() => Promise<Pack>) | null, store: Shared<Play>, asked: unknown): Playground {
  const { document: told } = first;
  const families = told.classes as FunctionFamily[];
  const names = told.networks as string[];
  const most = told.points - 1;
  const query = Float64Array.from({ length: QUERIES }, (_, i) => -REACH.x + (2 * REACH.x * i) / (QUERIES - 1));
  const range = frequencies(families);
  const pairOf = remembered((drawn: number) => drawPair(drawn, most, ...range));
  const truthOf = ({ blend, own }: Put) => (blend && !own ? blended(pairOf(blend.drawn), blend.share) : null);
  const onBlend = (blend: Blend): Put => ({ points: pointsOf(pairOf(blend.drawn), blend.share, blend.count), blend, own: false });
  const putOwn = (points: readonly Point[]) => store.set({ put: { ...store.state.put, points, own: true } });
  const begun = blendOf(asked, most);
  let setting = store.state.put.blend ?? begun ?? { drawn: FIRST, share: 0, count: Math.min(most, Math.max(6, Math.round(0.75 * most))) };
  let answer: Answer;

  const curves: (Curve & { shown: boolean; row?: HTMLElement })[] = [
    { name: "least squares", colour: "--lb-cycle-7", width: 1.5, dash: [2, 4], values: null, shown: false },
    { name: "mean of the 3 nearest points", colour: "--lb-cycle-4", width: 1.5, dash: [2, 3], values: null, shown: false },
    ...names.map((mixture, i) => ({ name: `trained on ${mixtureWords(mixture)}`, colour: NETWORK_COLOURS[i % NETWORK_COLOURS.length]!, width: i ? 1.7 : 3, dash: [], values: null as ArrayLike<number> | null, shown: true })),
    { name: "exact optimum", colour: "--lb-text", width: 1.6, dash: [7, 4], values: null, shown: true },
  ];
  const [line, near, optimum] = [curves[0]!, curves[1]!, curves.at(-1)!];
  const full = `This network was trained with at most ${most} points before a question. Take one away to put another.`;
  const said = h("p", { class: "lb-verdict", role: "status" });
  const posterior = h("div");
  const legend = h("fieldset", { class: "lb-curves" }, h("legend", {}, "Curves"));
  const under = h("span", {}, "distance");
  const kept = h("span"); // which networks answer: the last that were kept before the step
  legend.append(h("p", { class: "lb-curve lb-note" }, h("span"), h("span"), kept, under));

  const board = new Board({
    query,
    curves: () => curves.filter(({ shown }) => shown),
    truth: () => truthOf(store.state.put),
    points: () => store.state.put.points,
    change: putOwn,
    refuse: () => {
      if (store.state.put.points.length < most) return false;
      said.textContent = full;
      return true;
    },
  });
  const networks = new Networks(
    (number, curve) => {
      curves[2 + number]!.values = curve;
      settle();
    },
    () => (said.dataset.computed = String(store.state.step)),
    (why) => (said.textContent = `The networks could not be run: ${why}`),
  );
  networks.add(first);

  for (const curve of [...curves.slice(2), line, near]) {
    const box = h("input", { type: "checkbox" });
    box.checked = curve.shown;
    box.addEventListener("change", () => {
      curve.shown = box.checked;
      board.redraw();
    });
    curve.row = h("span", { class: "lb-number" });
    legend.append(h("label", { class: "lb-curve" }, box, swatch(curve.colour, curve.dash, Math.max(2, curve.width)), h("span", {}, curve.name), curve.row));
  }

  let beyond = false; // more points were asked for than can be

  // What is drawn, said and counted once curves have changed.
  const settle = () => {
    nextFrame(tell);
    board.redraw();
  };
  const tell = () => {
    const truth = truthOf(store.state.put);
    under.textContent = truth ? "distance" : "";
    for (const { values, row } of curves) row!.textContent = truth && values ? shownNumber(errorTo(truth, query, values)) : "";
  };

  // Steps whose weights are here or can be fetched.
  let steps = [...first.arrays.steps!.data];
  let fetched: Promise<void> | null = null;
  const add = (pack: Pack) => {
    networks.add(pack);
    steps = [...new Set([...steps, ...pack.arrays.steps!.data])].sort((a, b) => a - b);
  };
  const answerAll = () => {
    const { put: { points }, step } = store.state;
    if (points.length > most) {
      beyond = true;
      return putOwn(points.slice(0, most)); // which asks again
    }
    const [x, y] = [points.map((p) => p.x), points.map((p) => p.y)];
    answer = posteriorMean(families, x, y, query);
    optimum.values = answer.mean;
    const slope = leastSquares(x, y);
    line.values = query.map((at) => slope * at);
    near.values = nearest(x, y, query);
    const at = steps.filter((own) => own <= step + 1e-6).at(-1);
    if (earlier && !fetched && (at === undefined || step < steps[0]!))
      fetched = earlier().then((pack) => {
        add(pack);
        answerAll();
      }, () => {});
    kept.textContent = `networks of step ${shownSteps(at ?? steps[0]!)}`;
    networks.ask({ step: at ?? steps[0]!, networks: names.map((_, i) => i), x, y, query });
    showClasses();
    beyond = false;
    settle();
  };

  const showClasses = () => {
    const { points } = store.state.put;
    const found = byWord(answer.classes);
    const likely = found.reduce((a, b) => (b[1] > a[1] ? b : a));
    const percent = (value: number) => `${value > 0.995 && value < 1 ? "over 99" : value < 0.005 && value > 0 ? "under 1" : Math.round(100 * value)} %`;
    const count = `${points.length} of ${most} points.`;
    said.textContent = beyond ? full : points.length
      ? `${count} Given these, ${likely[0]} are ${percent(likely[1])} likely; the truth need be neither.`
      : `No point yet: nothing is known, so all classes are as likely as in training.`;
    board.plot.label(`${count} ${curves.filter(({ shown }) => shown).map(({ name }) => name).join(", ")} are drawn over x from −3 to 3.`);
    const bar = h("div", { class: "lb-share lb-tall", "aria-hidden": "true" });
    found.forEach(([, value], i) => {
      const piece = h("span");
      piece.style.width = `${100 * value}%`;
      piece.style.color = `var(${CLASS_COLOURS[i % CLASS_COLOURS.length]})`;
      bar.append(piece);
    });
    const key = h("ul", { class: "lb-key" });
    found.forEach(([word, value], i) => {
      const chip = h("span", { class: "lb-chip" });
      chip.style.color = `var(${CLASS_COLOURS[i % CLASS_COLOURS.length]})`;
      key.append(h("li", {}, chip, ` ${word} ${percent(value)}`));
    });
    posterior.replaceChildren(h("h4", {}, "How likely is each class?"), bar, key);
  };

  const blend = (change: Partial<Blend>) => store.set({ put: onBlend({ ...setting, ...change }) });
  const shareSlider = slider({
    label: "Blend",
    min: 0,
    max: 1,
    step: 0.01,
    value: setting.share,
    shown: (value) => (value === 0 ? "a sinusoid" : value === 1 ? "a line" : `${Math.round(100 * value)} % line`),
    change: (share) => blend({ share }),
  });
  const countSlider = slider({ label: "Points on it", min: 0, max: most, value: setting.count, change: (count) => blend({ count }) });
  const other = button("Other functions", () => blend({ drawn: setting.drawn + 1 }));
  const putOne = button("Add a point", () => {
    const { points } = store.state.put;
    if (points.length >= most) return board.plot.canvas.click();
    putOwn([...points, { x: Math.round(20 * Math.sin(7 * points.length)) / 10, y: 0 }]);
    requestAnimationFrame(() => requestAnimationFrame(() => board.focus(points.length)));
  });
  const wipe = button("Take all away", () => putOwn([]));
  const follow = () => {
    setting = store.state.put.blend ?? setting;
    shareSlider.set(setting.share);
    countSlider.set(setting.count);
    answerAll();
  };

  const leaving = [store.on(["put", "step"], follow)];
  const el = h(
    "section",
    { class: "lb-section lb-playground" },
    h("h3", {}, "Move the points"),
    h("p", {}, "Tap the picture to put a point, drag a point to move it, drag it out to take it away. With the keyboard: arrows move a point, Delete takes it away."),
    h(
      "div",
      { class: "lb-side" },
      h("div", {}, board.plot.el, said),
      h(
        "div",
        {},
        posterior,
        h("div", { class: "lb-controls" }, shareSlider.el, countSlider.el),
        h("div", { class: "lb-controls" }, other, putOne, wipe),
        legend,
        h("p", { class: "lb-note" }, "Grey: the blend that the points were taken from; distances are mean squared errors to it, weighted as x is drawn in training, N(0, 1). Beyond ±2 few points were ever seen."),
      ),
    ),
  );
  if (!store.state.put.blend && (begun || !store.state.put.points.length)) blend({});
  else store.set({ put: { ...store.state.put, blend: setting } });
  answerAll();
  return {
    el,
    onBlend(asked) {
      const found = blendOf(asked, most);
      return found && onBlend(found);
    },
    renew(next, before) {
      if (JSON.stringify([next.document.networks, next.document.seeds]) !== JSON.stringify([names, told.seeds])) return false;
      [earlier, fetched] = [before, null];
      add(next);
      answerAll();
      return true;
    },
    close() {
      leaving.forEach((leave) => leave());
      networks.close();
      board.close();
    },
  };
}

// The last answer is kept.
function remembered<Answer>(ask: (question: number) => Answer): (question: number) => Answer {
  let last: { question: number; answer: Answer } | null = null;
  return (question) => {
    if (last?.question !== question) last = { question, answer: ask(question) };
    return last.answer;
  };
}
