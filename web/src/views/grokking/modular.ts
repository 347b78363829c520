// The pictures of one network for residues, all linked: figures 2, 3, 11 to 13 and 15 to 18 of the explorable.
import { bars, star, waves } from "../../draw/multiples";
import { add, clear, h, section, slider } from "../../draw/dom";
import { Heat } from "../../draw/heat";
import type { Plot } from "../../draw/plot";
import type { Shared } from "../../draw/store";
import { answer, argmax, hidden, logits } from "../../math/additive";
import { transform } from "../../math/fourier";
import type { Film } from "./film";

export interface Look {
  step: number;
  neuron: number | null;
  joined: boolean; // the dots of stars
  a: number;
  b: number;
}

interface Part {
  redraw(): void;
  close(): void;
}

// Builds every picture of a film. `store` is shared with the charts; returns the element and how to close it.
export function modularPictures(film: Film, store: Shared<Look>): { el: HTMLElement; close: () => void } {
  const el = h("div", { class: "lb-linked" });
  let parts: Part[] = [];
  let highlights: ((neuron: number | null) => void)[] = [];
  const frame = () => film.frameAt(store.state.step);
  const hover = (neuron: number | null) => store.set({ neuron });

  const build = () => {
    parts.forEach((part) => part.close());
    parts = [];
    highlights = [];
    clear(el);
    add(el, weights(), ...(film.circle === null ? [waveGroups(), fourierMaps()] : []), stars(), logitBars());
    const coming = store.state.neuron;
    highlights.forEach((one) => one(coming));
  };

  function weights(): HTMLElement {
    const { order } = film.groups();
    const heat = (table: "first" | "out", title: string) =>
      new Heat({
        title,
        label: `${title}: ${film.neurons} neurons by ${film.p} residues; neurons are sorted by frequency and phase.`,
        rows: film.neurons,
        columns: film.p,
        // A frozen circle's weights grow a hundredfold: its scale is fitted to every step.
        top: () => (film.circle === null ? film.top(table) : largest(film.net(frame())[table])),
        value: (row, column) => film.net(frame())[table][column * film.neurons + order[row]!]!,
        hover: (row) => hover(row === null ? null : order[row]!),
        axis: "residue →",
        columnWords: (column) => `residue ${column}`,
        rowWords: (row) => `neuron ${row + 1}`,
      });
    const maps = [heat("first", "Input weights W_in"), heat("out", "Output weights W_out")];
    if (film.net(0).second !== film.net(0).first) maps[0]!.el.querySelector("figcaption")!.prepend("First input: ");
    maps.forEach((map) => {
      parts.push(map);
      highlights.push((neuron) => map.highlight(neuron === null ? null : order.indexOf(neuron)));
    });
    return section("Weights", "A row is a neuron, a column a residue. Rows keep their place: they are sorted by the frequency and phase they end with.", grid("lb-two", maps));
  }

  function waveGroups(): HTMLElement {
    const { main } = film.groups();
    const plots = main.flatMap((k) =>
      (["first", "out"] as const).map((table) => {
        const neurons = film.membersOf(k);
        // Residues in the order of k j mod p: a wave of frequency k then makes one turn.
        const turn = Array.from({ length: film.p }, (_, j) => j).sort((i, j) => ((i * k) % film.p) - ((j * k) % film.p));
        const lines = neurons.map((neuron, colour) => ({
          neuron,
          colour,
          at: (point: number) => film.net(frame())[table][turn[point]! * film.neurons + neuron]!,
        }));
        const side = table === "first" ? "in" : "out";
        return waves({
          title: `${side}, frequency ${k}`,
          label: `${neurons.length} neurons of frequency ${k}, ${side}put weights as waves over residues in the order of ${k} j modulo ${film.p}.`,
          points: film.p,
          lines: () => lines,
          top: () => film.top(table),
          picked: () => store.state.neuron,
          hover,
        });
      }),
    );
    parts.push(...plots);
    highlights.push(() => plots.forEach((plot) => plot.redraw()));
    return section("Waves", `Each line is a neuron; residues j stand in the order of k·j mod ${film.p}, in which frequency k makes one turn.`, pairs(plots));
  }

  function fourierMaps(): HTMLElement {
    const { order } = film.groups();
    const cache = { first: new Float64Array(0) as Float64Array, out: new Float64Array(0) as Float64Array, of: -1 };
    const coefficients = (table: "first" | "out") => {
      if (cache.of !== frame()) {
        cache.of = frame();
        cache.first = transform(film.net(frame()).first, film.p, film.neurons);
        cache.out = transform(film.net(frame()).out, film.p, film.neurons);
      }
      return cache[table];
    };
    const last = film.net(film.length - 1);
    const heat = (table: "first" | "out", title: string) => {
      const top = largest(transform(last[table], film.p, film.neurons).subarray(film.neurons));
      return new Heat({
        title,
        label: `${title}: ${film.neurons} neurons by cosine and sine of every frequency up to ${Math.floor(film.p / 2)}.`,
        rows: film.neurons,
        columns: film.p - 1,
        top: () => top,
        value: (row, column) => coefficients(table)[(column + 1) * film.neurons + order[row]!]!,
        hover: (row) => hover(row === null ? null : order[row]!),
        axis: "frequency 1 → (cosine, sine)",
        columnWords: (column) => `${column % 2 ? "sine" : "cosine"} of frequency ${Math.floor(column / 2) + 1}`,
        rowWords: (row) => `neuron ${row + 1}`,
      });
    };
    const maps = [heat("first", "Fourier transform of W_in"), heat("out", "Fourier transform of W_out")];
    maps.forEach((map) => {
      parts.push(map);
      highlights.push((neuron) => map.highlight(neuron === null ? null : order.indexOf(neuron)));
    });
    return section("Fourier transform", "The same weights as sums of waves. A network that has generalised uses a few frequencies, the same going in and out.", grid("lb-two", maps));
  }

  function stars(): HTMLElement {
    const { main } = film.groups();
    const frequencies = film.circle === null ? main : [film.circle];
    const plots = frequencies.flatMap((k) =>
      (["first", "out"] as const).map((table) => {
        const own = film.circle === null ? film.membersOf(k) : film.groups().order.filter((n) => film.groups().frequency[n] === k);
        const neurons = own.length ? own : film.groups().order;
        const side = table === "first" ? "in" : "out";
        return star({
          title: `${side}, frequency ${k}`,
          label: `Neurons of frequency ${k} in the plane of cosine and sine, ${side}put side, joined in the order of their input angle.`,
          points: () => {
            const net = film.net(frame());
            return neurons.map((neuron) => ({ neuron, ...coefficient(net[table], film.p, film.neurons, neuron, k) }));
          },
          joined: () => store.state.joined,
          picked: () => store.state.neuron,
          hover,
        });
      }),
    );
    parts.push(...plots);
    highlights.push(() => plots.forEach((plot) => plot.redraw()));
    const box = h("input", { type: "checkbox", checked: store.state.joined });
    box.addEventListener("change", () => store.set({ joined: box.checked }));
    return section(
      "Stars",
      "A dot is a neuron, joined in the order of input angle; the dashed circle has the mean radius. Once around going in is twice around going out: a pentagon becomes a pentagram.",
      h("label", { class: "lb-check" }, box, " join the dots"),
      pairs(plots),
    );
  }

  function logitBars(): HTMLElement {
    const { main, frequency, live } = film.groups();
    const groups: { name: string; chosen?: (n: number) => boolean }[] =
      film.circle === null
        ? main.map((k) => ({ name: `frequency ${k} alone`, chosen: (n: number) => Boolean(live[n]) && frequency[n] === k }))
        : [];
    const other = (n: number) => !live[n] || !main.includes(frequency[n]!);
    if (film.circle === null && film.groups().order.some(other)) groups.push({ name: "other neurons", chosen: other });
    groups.push({ name: "all neurons" });
    let values: Float64Array[] = [];
    let top = 1;
    const verdict = h("p", { class: "lb-verdict", role: "status" });
    const compute = () => {
      const net = film.net(frame());
      const { a, b } = store.state;
      const activations = hidden(net, a, b);
      values = groups.map(({ chosen }) => logits(net, activations, chosen));
      top = Math.max(...values.map(largest));
      const right = answer(film.operation, a, b, film.p);
      const all = values.at(-1)!;
      const said = argmax(all);
      const rule = Number.isNaN(right) ? "nothing can be divided by 0, and no such pair was trained on" : `right is ${right}`;
      const text = `${a} and ${b}: ${rule}; the network says ${said}${said === right ? ", which is right" : ""}.`;
      if (verdict.textContent !== text) verdict.textContent = text;
    };
    compute();
    const plots = groups.map(({ name }, i) =>
      bars({
        title: name,
        label: `Logits of all ${film.p} classes from ${name}.`,
        values: () => values[i]!,
        top: () => top,
        right: () => answer(film.operation, store.state.a, store.state.b, film.p),
      }),
    );
    parts.push({
      redraw() {
        compute();
        plots.forEach((plot) => plot.redraw());
      },
      close: () => plots.forEach((plot) => plot.close()),
    });
    const choose = (name: "a" | "b") =>
      slider({
        label: name,
        min: 0,
        max: film.p - 1,
        value: store.state[name],
        change: (value) => store.set({ [name]: value } as Partial<Look>),
      }).el;
    return section("Logits", "What each group of neurons says alone, class by class; the right answer is orange with a mark below.", h("div", { class: "lb-controls" }, choose("a"), choose("b")), verdict, grid("lb-stack", plots));
  }

  build();
  const redraw = () => parts.forEach((part) => part.redraw());
  const leaving = [
    store.on(["step", "a", "b", "joined"], redraw),
    store.on(["neuron"], () => highlights.forEach((one) => one(store.state.neuron))),
  ];
  const close = () => {
    leaving.forEach((leave) => leave());
    parts.forEach((part) => part.close());
  };
  return { el, close };
}

export function grid(kind: string, parts: { el: HTMLElement }[] | Plot[]): HTMLElement {
  return h("div", { class: `lb-grid ${kind}` }, ...parts.map((part) => part.el));
}

// One column a frequency: its input side above its output side.
function pairs(plots: Plot[]): HTMLElement {
  const columns = plots.flatMap((plot, i) => (i % 2 ? [h("div", {}, plots[i - 1]!.el, plot.el)] : []));
  return h("div", { class: "lb-grid lb-multiples" }, ...columns);
}

function largest(values: ArrayLike<number>): number {
  let top = 0;
  for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i]!));
  return top || 1;
}

// Cosine and sine coefficient of one neuron at one frequency.
function coefficient(table: ArrayLike<number>, p: number, neurons: number, neuron: number, k: number): { x: number; y: number } {
  let [x, y] = [0, 0];
  for (let j = 0; j < p; j++) {
    const angle = (2 * Math.PI * ((k * j) % p)) / p;
    x += table[j * neurons + neuron]! * Math.cos(angle);
    y += table[j * neurons + neuron]! * Math.sin(angle);
  }
  const norm = Math.sqrt(2 / p);
  return { x: x * norm, y: y * norm };
}
