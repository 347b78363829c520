// Solutions written down: embedding strip, circle of directions, output points and errors (figures 9, 10, 23 to 25).
import { Store } from "../../draw/store";
import { add, h, numberBox, select, slider } from "../../draw/dom";
import { Heat } from "../../draw/heat";
import { bars } from "../../draw/multiples";
import { Plot } from "../../draw/plot";
import { dress } from "../../draw/theme";
import type { Rendering } from "../../host/model";
import { argmax, hidden, logits, type Activation, type Additive } from "../../math/additive";
import { circleSolution, outputPoint, tokenError, wholeTable } from "../../math/constructed";

interface State {
  p: number;
  neurons: number;
  frequency: number;
  activation: Activation;
  a: number;
  b: number;
}

const SLOW = 200; // modulus from which the whole table is left to a press of a button

function render({ model, el }: Rendering): () => void {
  const undress = dress(el);
  const store = new Store<State>({
    p: model.get("p") ?? 67,
    neurons: model.get("neurons") ?? 5,
    frequency: 1,
    activation: "relu",
    a: 13,
    b: 19,
  });
  const parts: { redraw(): void; close(): void }[] = [];
  let net: Additive = make(store.state);
  let values = new Float64Array(0);
  let activations = new Float64Array(0);
  const compute = () => {
    const { p } = store.state;
    const [a, b] = [store.state.a % p, store.state.b % p];
    activations = hidden(net, a, b) as Float64Array<ArrayBuffer>;
    values = logits(net, activations) as Float64Array<ArrayBuffer>;
  };
  compute();

  const pairs = h("div", { class: "lb-controls" });
  const pairSliders = () => {
    const { p } = store.state;
    const sum = (value: number) => ((value % p) + p) % p;
    const make = (label: string, value: number, change: (value: number) => void) => slider({ label, min: 0, max: p - 1, value, change });
    const [a, b] = [store.state.a % p, store.state.b % p];
    const all = [
      make("a", a, (value) => store.set({ a: value })),
      make("b", b, (value) => store.set({ b: value })),
      make("a + b", sum(a + b), (value) => store.set({ b: sum(value - store.state.a) })),
      make("a − b", sum(a - b), (value) => store.set({ b: sum(store.state.a - value) })),
    ];
    pairs.replaceChildren(...all.map((one) => one.el));
    return () => {
      const [now, other] = [store.state.a % p, store.state.b % p];
      [now, other, sum(now + other), sum(now - other)].forEach((value, i) => all[i]!.set(value));
    };
  };
  let moveSliders = pairSliders();

  const said = h("p", { class: "lb-verdict", role: "status" });
  const tell = () => {
    const { p, a, b } = store.state;
    const right = (a + b) % p;
    const best = argmax(values);
    const error = tokenError(values, store.state.frequency, right);
    said.textContent = Number.isNaN(error)
      ? `${a % p} + ${b % p}: the inputs cancel, so the output points nowhere.`
      : `${a % p} + ${b % p} = ${right} (mod ${p}); it answers ${best}, and points ${error.toFixed(3)} tokens away from ${right}. Half a token is allowed.`;
  };

  const inputs = circle("Inputs and their mean", "The two inputs on a circle of residues, and their mean.", (point) => {
    const { p, frequency } = store.state;
    const [a, b] = [store.state.a % p, store.state.b % p];
    const angle = (value: number) => (2 * Math.PI * ((frequency * value) % p)) / p;
    point(Math.cos(angle(a)), Math.sin(angle(a)), "--lb-cycle-0", `a = ${a}`);
    point(Math.cos(angle(b)), Math.sin(angle(b)), "--lb-cycle-2", `b = ${b}`);
    point((Math.cos(angle(a)) + Math.cos(angle(b))) / 2, (Math.sin(angle(a)) + Math.sin(angle(b))) / 2, "--lb-accent", "mean");
  });
  const directions = circle("What each neuron reads", "The neurons' directions; a dot's size is how strongly the mean point drives it.", (point) => {
    const top = Math.max(...activations, 1e-9);
    for (let i = 0; i < store.state.neurons; i++) {
      const angle = (2 * Math.PI * i) / store.state.neurons;
      point(Math.cos(angle), Math.sin(angle), `--lb-cycle-${i % 8}`, String(i + 1), 3 + 9 * (activations[i]! / top));
    }
  });
  const answers = circle("Where it points", "The same neurons at twice their angle, added up, and the answer's place.", (point) => {
    const { p, frequency, a, b, neurons } = store.state;
    const top = Math.max(...activations, 1e-9);
    for (let i = 0; i < neurons; i++) {
      const angle = (4 * Math.PI * i) / neurons;
      const far = activations[i]! / top;
      point(far * Math.cos(angle), far * Math.sin(angle), `--lb-cycle-${i % 8}`, "", 4);
    }
    const [x, y] = outputPoint(values, frequency);
    const length = Math.hypot(x, y) || 1;
    point(x / length, y / length, "--lb-text", "output", 6);
    const target = (2 * Math.PI * ((frequency * ((a + b) % p)) % p)) / p;
    point(Math.cos(target), Math.sin(target), "--lb-accent", `${(a + b) % p}`, 9, true);
  });
  const everywhere = circle("Every answer: b stays, a runs", "Where the output points for every a, with b as it is; outside, the places of the right answers.", (point) => {
    const { p, frequency, a, b } = store.state;
    const points = Array.from({ length: p }, (_, own) => outputPoint(logits(net, hidden(net, own, b % p)), frequency));
    const far = Math.max(...points.map(([x, y]) => Math.hypot(x, y)), 1e-9);
    points.forEach(([x, y], own) => {
      const target = (2 * Math.PI * ((frequency * ((own + b) % p)) % p)) / p;
      const shown = own === a % p;
      point(1.08 * Math.cos(target), 1.08 * Math.sin(target), shown ? "--lb-accent" : "--lb-line", "", shown ? 4 : 2);
      point(x / far, y / far, shown ? "--lb-text" : "--lb-cycle-0", "", shown ? 6 : 2.5);
    });
  });
  const output = bars({
    title: "Logits of all classes",
    label: "Logits of all classes; the right answer has a mark below.",
    values: () => values,
    top: () => Math.max(...Array.from(values, Math.abs)),
    right: () => (store.state.a + store.state.b) % store.state.p,
    height: 110,
  });
  parts.push(inputs, directions, answers, everywhere, output);

  const strip = h("div");
  let heats: Heat[] = [];
  const table = h("p", { class: "lb-verdict", role: "status" });
  let errors: Float64Array = new Float64Array(1);
  const errorBars = bars({
    title: "Worst error of every answer, in tokens (beyond half a token it is wrong)",
    label: "Output minus target in tokens, the worst pair of each answer.",
    values: () => errors,
    top: () => Math.max(0.5, ...Array.from(errors, (e) => (Number.isNaN(e) ? 0 : Math.abs(e)))),
    right: () => -1,
    height: 110,
  });
  parts.push(errorBars);
  const whole = () => {
    const found = wholeTable(net, store.state.frequency);
    errors = found.errors;
    const share = (value: number) => `${(100 * value).toFixed(value === 1 || value === 0 ? 0 : 2)} %`;
    table.textContent = `Of all ${store.state.p ** 2} pairs it answers ${share(found.accuracy)}${found.undecided ? `; ${share(found.undecided)} are undecided` : ""}.`;
    errorBars.redraw();
  };
  const ask = h("button", { type: "button", onclick: () => whole() }, "Answer the whole table");
  const structure = () => {
    net = make(store.state);
    compute();
    heats.forEach((heat) => heat.close());
    const map = (title: string, values: ArrayLike<number>) =>
      new Heat({
        title,
        label: `${title}: ${net.neurons} neurons by ${net.p} residues.`,
        rows: net.neurons,
        columns: net.p,
        top: () => 1,
        value: (row, column) => values[column * net.neurons + row]!,
        axis: "residue →",
        rowHeight: 14,
      });
    heats = [embedding(store.state), map("Input weights", net.first), map("Output weights, twice the angle", net.out)];
    strip.replaceChildren(...heats.map((heat) => heat.el));
    moveSliders = pairSliders();
    ask.hidden = store.state.p < SLOW;
    table.textContent = "";
    if (store.state.p < SLOW) whole();
    else errors = new Float64Array(1);
    tell();
    parts.forEach((part) => part.redraw());
  };
  // Of p residues there are so many frequencies: the box says which one is shown, not which one was asked for.
  const frequencies = (p: number) => Math.floor((p - 1) / 2);
  const frequencyBox = numberBox("Frequency", {
    min: 1,
    max: 249,
    value: store.state.frequency,
    change: (frequency) => {
      store.set({ frequency: Math.min(frequency, frequencies(store.state.p)) });
      tellFrequency();
    },
  });
  const tellFrequency = () => (frequencyBox.querySelector("input")!.value = String(store.state.frequency));
  store.on(["p", "neurons", "frequency", "activation"], () => {
    tellFrequency();
    structure();
  });
  store.on(["a", "b"], () => {
    compute();
    tell();
    moveSliders();
    parts.forEach((part) => part.redraw());
  });
  add(
    el,
    h(
      "div",
      { class: "lb-view" },
      h(
        "div",
        { class: "lb-controls" },
        numberBox("Modulus p", { min: 12, max: 500, value: store.state.p, change: (p) => store.set({ p, frequency: Math.min(store.state.frequency, frequencies(p)) }) }),
        numberBox("Neurons", { min: 3, max: 24, value: store.state.neurons, change: (neurons) => store.set({ neurons }) }),
        frequencyBox,
        select("Activation", [["relu", "ReLU"], ["square", "square"]], "relu", (activation) => store.set({ activation: activation as Activation })),
      ),
      table,
      ask,
      pairs,
      said,
      h("div", { class: "lb-grid lb-four" }, inputs.el, directions.el, answers.el, everywhere.el),
      h("div", { class: "lb-grid lb-stack" }, output.el, errorBars.el),
      h("p", { class: "lb-note" }, "Odd numbers of neurons from 5 on are as good as twice as many; 4 neurons and even moduli lose pairs, whatever the training."),
      strip,
    ),
  );
  structure();
  return () => {
    undress();
    [...parts, ...heats].forEach((part) => part.close());
  };

  function circle(
    title: string,
    label: string,
    draw: (point: (x: number, y: number, colour: string, text: string, radius?: number, ring?: boolean) => void) => void,
  ): Plot {
    return new Plot({
      title,
      label,
      height: (width) => Math.min(width, 260),
      draw(context, width, height, theme) {
        const half = Math.min(width, height) / 2 - 34;
        context.strokeStyle = theme.line;
        context.beginPath();
        context.arc(width / 2, height / 2, half, 0, 2 * Math.PI);
        context.stroke();
        draw((x, y, colour, text, radius = 6, ring = false) => {
          const [px, py] = [width / 2 + x * half, height / 2 - y * half];
          context.fillStyle = context.strokeStyle = theme.of(colour);
          context.lineWidth = 2;
          context.beginPath();
          context.arc(px, py, radius, 0, 2 * Math.PI);
          if (ring) context.stroke();
          else context.fill();
          if (!text) return;
          const out = (radius + 10) / Math.max(Math.hypot(x, y), 0.2); // away from the middle; the mean's words go inside
          const side = text === "mean" || text === "output" ? -1 : 1;
          context.fillStyle = theme.text;
          context.textAlign = side * x > 0.3 ? "left" : side * x < -0.3 ? "right" : "center";
          context.textBaseline = "middle";
          context.fillText(text, px + side * x * out, py - side * y * out);
        });
      },
    });
  }
}

function make({ p, neurons, frequency, activation }: State): Additive {
  return circleSolution(p, neurons, [frequency], activation);
}

function embedding({ p, frequency }: State): Heat {
  return new Heat({
    title: "Embedding: cosine and sine",
    label: `Cosine and sine of frequency ${frequency} over ${p} residues.`,
    rows: 2,
    columns: p,
    top: () => 1,
    value: (row, column) => {
      const angle = (2 * Math.PI * ((frequency * column) % p)) / p;
      return row ? Math.sin(angle) : Math.cos(angle);
    },
    axis: "residue →",
    rowHeight: 14,
    rowWords: (row) => (row ? "sine" : "cosine"),
  });
}

export default { render };
