// One sentence, picked or typed: the network's tree beside the grammar's, and the word it would begin its answer with.
import type { Pack } from "../../data/safetensors";
import { shownSteps } from "../../draw/axes";
import { Chart, type ChartOptions } from "../../draw/chart";
import { alarm, h, select, uniqueId } from "../../draw/dom";
import type { Shared } from "../../draw/store";
import { bySplit } from "../../math/spans";
import { Recogniser, Ungrammatical, type Grammar, type Sentence, type Span } from "../../math/grammar";
import type { Reader } from "./reader";
import { agreement, TreePicture } from "./tree";

const MOST_WORDS = 20;
const PATIENCE = 250; // milliseconds after the last key

interface Pick {
  words: string[];
  gold: Span[];
  withheld: boolean;
}

interface Parse {
  nodes: Span[];
  words: ArrayLike<number> | null; // probability of every word
}

export interface Member {
  number: number;
  parses: Promise<Pack>; // of the sentences to pick, at all steps; it takes Python a while
  reader: Reader;
}

export interface Look {
  step: number;
  sentence: string;
}

export interface SentencePart {
  el: HTMLElement;
  read(member: Member): void;
  leave(): void; // there is no network to read it
  close(): void;
}

export function sentencePart(told: Pack["document"], store: Shared<Look>, domain: () => [number, number], scrub: (step: number) => void): SentencePart {
  const grammar = told.grammar as Grammar;
  const picks = told.picks as Pick[];
  const recogniser = new Recogniser(grammar);
  const start = grammar.vocabulary.length - 1;
  const number = new Map(grammar.vocabulary.map((word, i) => [word, i]));
  const question = grammar.auxiliaries;
  const picture = new TreePicture();
  const said = h("p", { class: "lb-verdict", role: "status" });
  const wrong = alarm(); // with the sentence
  const trouble = alarm(); // with the network
  trouble.hidden = true;
  const bars = h("div", { class: "lb-fronts" });
  const chartPlace = h("div", { class: "lb-grid lb-two" });
  let member: Member | null = null;
  let parses: Pack | null = null;
  let film = new Map<number, Parse>();
  let words: string[] = [];
  let readable = false;
  let sentence: Sentence | null = null;
  let gold: Span[] | null = null;
  let charts: Chart[] = [];
  let drawn = ""; // which lines

  const id = uniqueId("sentence");
  const input = h("input", { id, type: "text", spellcheck: "false", autocomplete: "off", autocapitalize: "none", value: store.state.sentence || picks[0]!.words.join(" ") });
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => store.set({ sentence: input.value }), PATIENCE);
  });
  input.addEventListener("keydown", (event) => event.key === "Enter" && store.set({ sentence: input.value }));
  const label = (pick: Pick) => `${pick.withheld ? "withheld: " : "ordinary: "}${pick.words.join(" ")}`;
  const chooser = select("Pick one", [["", "…"], ...picks.map((pick, i): [string, string] => [String(i), label(pick)])], "", (value) => {
    if (value === "") return;
    input.value = picks[Number(value)]!.words.join(" ");
    store.set({ sentence: input.value });
  });

  // The word that decides: candidates, the right one, and the one of the rule of word order.
  const fronts = (): { candidates: string[]; right: string; linear: string; front: string[] } | null => {
    if (question) {
      const candidates = grammar.lexicon.Aux!.flat();
      return { candidates, right: sentence ? words[sentence.main]! : "", linear: sentence ? words[sentence.first]! : "", front: [...words, ".", grammar.tasks[1]] };
    }
    if (!sentence) return null;
    const verb = words[sentence.main]!;
    const noun = recogniser.read(words).words[sentence.first]!;
    const recent = grammar.lexicon.N![1].includes(noun) ? 1 : 0;
    const candidates = [0, 1].map((own) => recogniser.present(verb, own));
    const front = [...words, ".", grammar.tasks[1], ...recogniser.answer(sentence).slice(0, sentence.main)];
    return { candidates, right: candidates[sentence.head]!, linear: candidates[recent]!, front };
  };

  const understand = () => {
    const text = store.state.sentence || input.value;
    if (input.value !== text) input.value = text;
    words = recogniser.words(text);
    sentence = null;
    wrong.textContent = "";
    try {
      if (words.length > MOST_WORDS) throw new Ungrammatical(`${words.length} words are more than this network has ever seen: at most ${MOST_WORDS}.`);
      sentence = recogniser.read(words);
    } catch (error) {
      if (!(error instanceof Ungrammatical)) throw error;
      const known = words.length > 1 && words.length <= MOST_WORDS && words.every((word) => number.has(word));
      wrong.textContent = `${error.message}${known ? " There is no tree of the grammar for it; the network reads it all the same." : ""}`;
      if (!known) return false;
    }
    gold = sentence ? bySplit(sentence.tree) : null;
    const pick = picks.findIndex((one) => one.words.join(" ") === words.join(" "));
    chooser.querySelector("select")!.value = pick < 0 ? "" : String(pick);
    return true;
  };

  const unread = (error: Error) => {
    trouble.textContent = `The network could not be read: ${error.message}`;
    trouble.hidden = false;
  };

  // `more`: the same sentence and network, after further steps; what was read before still holds.
  const begin = (more = false) => {
    if (!member) return;
    member.reader.stop();
    trouble.hidden = true;
    if (!more) [readable, film] = [understand(), new Map()];
    if (!readable) return;
    const pick = picks.findIndex((one) => one.words.join(" ") === words.join(" "));
    if (pick >= 0 && parses) film = filmOf(parses, pick, words.length);
    else {
      const asked = fronts();
      const every = [...member.reader.steps].sort((a, b) => Math.abs(a - store.state.step) - Math.abs(b - store.state.step));
      const near = (pick < 0 ? every : every.slice(0, 1)).filter((step) => !film.has(step)); // the others come with the parses
      const front = asked?.front.map((word) => number.get(word)!) ?? null;
      void member.reader.read(near, { start, words: words.map((word) => number.get(word)!), front }, (read) => {
        film.set(read.step, read);
        drawCharts();
        show();
      }).catch(unread);
    }
    drawCharts();
    show();
  };

  const at = (): [number, Parse] | null => {
    const steps = [...film.keys()].sort((a, b) => a - b);
    const step = steps.filter((own) => own <= store.state.step + 1e-6).at(-1) ?? steps[0];
    return step === undefined ? null : [step, film.get(step)!];
  };

  const show = () => {
    const found = at();
    picture.show({ words, nodes: found?.[1].nodes ?? null, gold });
    if (!found) {
      const waits = member!.reader.steps.length || (!parses && picks.some((one) => one.words.join(" ") === words.join(" ")));
      said.textContent = waits ? "The network is being read…" : "The weights are not part of this copy: pick a sentence, or run the experiment yourself.";
      bars.replaceChildren();
      return;
    }
    const [step, parse] = found;
    const share = gold ? agreement(parse.nodes, gold) : null;
    const brackets = share?.of ? ` It has ${share.found} of the ${share.of} phrases of the grammar.` : "";
    said.textContent = `Step ${shownSteps(step)}.${brackets} ${frontSentence(parse)}`;
    showBars(parse);
  };

  const frontSentence = (parse: Parse): string => {
    const asked = fronts();
    if (!asked || !parse.words) return "";
    const best = grammar.vocabulary[argmax(parse.words)]!;
    const rule = best === asked.right ? (asked.right === asked.linear ? "both rules" : "the hierarchical rule") : best === asked.linear ? "the rule of word order" : "neither rule";
    if (!sentence) return `It would begin with “${best}”.`;
    return question ? `It would begin the question with “${best}”, as ${rule} would.` : `It would write “${best}”, as ${rule} would.`;
  };

  const showBars = (parse: Parse) => {
    const asked = fronts();
    if (!asked || !parse.words) return bars.replaceChildren();
    const rows = asked.candidates.map((word): [string, number, string] => {
      const roles = [word === asked.right && (question ? "main auxiliary" : "agrees with the subject"), word === asked.linear && asked.linear !== asked.right && (question ? "first auxiliary" : "agrees with the noun before")];
      return [word, parse.words![number.get(word)!]!, roles.filter(Boolean).join(", ")];
    });
    rows.push(["any other word", Math.max(0, 1 - rows.reduce((sum, [, share]) => sum + share, 0)), ""]);
    bars.replaceChildren(
      h("h4", {}, question ? "Which word would begin the question?" : "Which form would the main verb take?"),
      ...rows.map(([word, share, role]) => {
        const fill = h("span");
        fill.style.width = `${100 * share}%`;
        fill.style.color = `var(${role.startsWith("main") || role.endsWith("subject") ? "--lb-cycle-0" : role ? "--lb-cycle-3" : "--lb-cycle-7"})`;
        return h("div", { class: "lb-front" }, h("span", {}, word, role ? h("small", {}, ` ${role}`) : null), h("span", { class: "lb-share", "aria-hidden": "true" }, fill), h("span", { class: "lb-number" }, `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`));
      }),
    );
  };

  // The sentence's own curves: how likely each rule's word is, and how much of the grammar's tree is there.
  const drawCharts = () => {
    const made: ChartOptions[] = [];
    const steps = [...film.keys()].sort((a, b) => a - b);
    const asked = fronts();
    const line = (value: (parse: Parse) => number) => steps.map((step) => value(film.get(step)!));
    const chance = (word: string) => line((parse) => parse.words?.[number.get(word)!] ?? NaN);
    if (asked && sentence && steps.length) {
      const series = [{ name: `“${asked.right}” (hierarchical rule)`, colour: "--lb-cycle-0", x: steps, lines: [chance(asked.right)] }];
      if (asked.linear !== asked.right) series.push({ name: `“${asked.linear}” (rule of word order)`, colour: "--lb-cycle-3", x: steps, lines: [chance(asked.linear)] });
      made.push({ title: question ? "First word of this question" : "Main verb of this sentence", unit: "probability", series, range: [0, 1], height: 170, domain: domain(), scrub });
    }
    if (gold && gold.length > 1 && steps.length) {
      const share = line((parse) => { const { found, of } = agreement(parse.nodes, gold!); return found / of; });
      made.push({ title: "Phrases of the grammar in the network’s tree", unit: "share", series: [{ name: "this sentence", colour: "--lb-cycle-2", x: steps, lines: [share] }], range: [0, 1], height: 170, domain: domain(), scrub });
    }
    // The same lines with further steps: the charts stay.
    const lines = JSON.stringify(made.map(({ title, series }) => [title, ...series.map(({ name }) => name)]));
    if (lines === drawn) return charts.forEach((chart, i) => chart.update(made[i]!));
    drawn = lines;
    charts.forEach((chart) => chart.close());
    charts = made.map((options) => new Chart(options));
    chartPlace.replaceChildren(...charts.map((chart) => chart.el));
    charts.forEach((chart) => chart.mark(store.state.step));
  };

  const vocabulary = h("details", {}, h("summary", {}, `The ${[...Object.values(grammar.lexicon)].reduce((sum, forms) => sum + new Set(forms.flat()).size, 0)} words it knows`), h("dl", { class: "lb-facts" }, ...Object.entries(grammar.lexicon).flatMap(([part, forms]) => [h("dt", {}, grammar.names[part]!.replace(/^an? /, "")), h("dd", {}, [...new Set(forms.flat())].join(", "))])));
  const leaving = [store.on(["sentence"], () => begin()), store.on(["step"], () => { charts.forEach((chart) => chart.mark(store.state.step)); if (member && words.length) show(); })];
  const el = h(
    "section",
    { class: "lb-section" },
    h("h3", {}, "How it reads a sentence"),
    h("p", {}, `Type a ${question ? "declarative sentence" : "sentence in the past tense"}, or pick one, and play the training: the tree over the words is what the network’s states split into, from the whole sentence down; below them hangs the grammar’s. Filled nodes are in both trees, hollow ones in one alone.`),
    h("div", { class: "lb-controls lb-sentence" }, h("div", { class: "lb-field lb-grow" }, h("label", { for: id }, "Sentence"), input), chooser),
    wrong,
    trouble,
    picture.plot.el,
    said,
    bars,
    chartPlace,
    vocabulary,
    h("p", { class: "lb-note" }, "The tree is the greedy projection, as published (Murty et al. 2023): at each node the split whose two halves change least when the words before them are hidden."),
  );
  return {
    el,
    read(next) {
      const more = member?.number === next.number;
      member?.reader.close();
      [member, parses] = [next, more ? parses : null];
      begin(more);
      next.parses.then((pack) => {
        if (member !== next) return;
        parses = pack;
        if (picks.some((one) => one.words.join(" ") === words.join(" "))) begin(more);
      }, (error: Error) => member === next && unread(error));
    },
    leave() {
      member?.reader.close();
      [member, parses] = [null, null];
    },
    close() {
      clearTimeout(waiting);
      leaving.forEach((leave) => leave());
      member?.reader.close();
      charts.forEach((chart) => chart.close());
      picture.close();
    },
  };
}

// What Python made of a sentence to pick at all kept steps.
function filmOf(pack: Pack, pick: number, length: number): Map<number, Parse> {
  const { splits, words, steps } = pack.arrays;
  const [, sentences, gaps] = splits!.shape as [number, number, number];
  const vocabulary = words!.shape[2]!;
  const film = new Map<number, Parse>();
  steps!.data.forEach((step, snapshot) => {
    const nodes = Array.from({ length: length - 1 }, (_, gap): Span => {
      const place = 2 * ((snapshot * sentences + pick) * gaps + gap);
      return [splits!.data[place]!, splits!.data[place + 1]!];
    });
    const from = (snapshot * sentences + pick) * vocabulary;
    film.set(step, { nodes, words: (words!.data as Float32Array).subarray(from, from + vocabulary) });
  });
  return film;
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

