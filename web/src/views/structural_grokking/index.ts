// Rules of language that come late: curves with stopping points, instruments on the same axis, and one sentence's film.
import { Curves } from "../../data/curves";
import type { Chart } from "../../draw/chart";
import { add, clear, h, select } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { whenMeasured } from "../../host/measured";
import { Packs, type Rendering } from "../../host/model";
import { learningCharts } from "./learning";
import { Reader } from "./reader";
import { sentencePart, type Look, type SentencePart } from "./sentence";

type State = Look & { place: number };

async function render({ model, el }: Rendering): Promise<() => void> {
  el.classList.add("latebloom");
  const root = h("div", { class: "lb-view" }, h("p", { class: "lb-wait" }, "Reading the run…"));
  add(el, root);
  const packs = new Packs(model);
  const closing: (() => void)[] = [() => packs.close()];
  const begin = async () => {
    let curves = new Curves(await packs.get("curves"));
    const told = packs.has("sentences") ? (await packs.get("sentences")).document : null;
    const readers = (told?.readers ?? []) as number[];
    const wanted = model.get("member") as number | null | undefined;
    const first = wanted ?? readers[0] ?? curves.members[0]!.member;
    const store = new Store<State>({
      step: model.get("step") ?? curves.lastStep,
      sentence: model.get("sentence") ?? "",
      place: Math.max(0, curves.members.findIndex((m) => m.member === first)),
    });
    const play = player(store, curves.lastStep);
    const scrub = (step: number) => {
      play.stop();
      store.set({ step: Math.round(step) });
    };
    clear(root);
    const controls = h("div", { class: "lb-controls" });
    const learning = h("div");
    add(root, h("div", { class: "lb-sticky" }, controls, play.el), learning);
    if (curves.members.length > 1) {
      const box = select("Network", curves.members.map((_, i): [string, string] => [String(i), curves.word(i)]), String(store.state.place), (value) => store.set({ place: Number(value) }));
      store.on(["place"], () => (box.querySelector("select")!.value = String(store.state.place)));
      add(controls, box);
    }

    let charts: Chart[] = [];
    const drawLearning = async () => {
      const measures = packs.has("measures") ? new Curves(await packs.get("measures")) : null;
      if (!packs.has("learning")) return;
      const arms = curves.document.arms as { members: number[] }[];
      const places = arms.find(({ members }) => members.includes(store.state.place))?.members ?? [store.state.place];
      const made = learningCharts(await packs.get("learning"), curves, measures, places, scrub);
      charts.forEach((chart) => chart.close());
      charts = made.charts;
      charts.forEach((chart) => chart.mark(store.state.step));
      learning.replaceChildren(made.el);
    };
    let part: SentencePart | null = null;
    if (told) {
      part = sentencePart(told, store, [curves.document.log_steps ? 1 : 0, Math.max(1, curves.lastStep)], scrub);
      add(root, part.el);
    }
    const open = () => {
      const { member } = curves.members[store.state.place]!;
      if (!part || !packs.has(`parses-${member}`)) return;
      const stem = `weights-${member}-`;
      const steps = (model.get("document").packs as string[]).filter((name) => name.startsWith(stem)).map((name) => Number(name.slice(stem.length)));
      part.read({ parses: packs.get(`parses-${member}`), reader: new Reader(packs, member, steps) });
    };
    store.on(["place"], () => {
      void drawLearning();
      open();
    });
    store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
    closing.push(play.stop, () => charts.forEach((chart) => chart.close()), () => part?.close(), link(model, store, curves));
    const moveOn = async () => {
      packs.forget();
      const atEnd = store.state.step >= curves.lastStep;
      curves = new Curves(await packs.get("curves"));
      play.setLast(curves.lastStep);
      await drawLearning();
      open();
      if (atEnd) store.set({ step: curves.lastStep });
    };
    model.on("change:stamp", moveOn);
    closing.push(() => model.off("change:stamp", moveOn));
    await drawLearning();
    open();
  };
  closing.push(await whenMeasured(model, packs, root, begin));
  return () => closing.forEach((close) => close());
}

// Python sees the step, the member and the sentence, and may change them.
function link(model: Rendering["model"], store: Store<State>, curves: Curves): () => void {
  const leave = store.on(["step", "place", "sentence"], () => {
    model.set("step", Math.round(store.state.step));
    model.set("member", curves.members[store.state.place]!.member);
    model.set("sentence", store.state.sentence);
    model.save_changes();
  });
  const taking = (["step", "sentence", "member"] as const).map((name) => {
    const take = () => {
      const value = model.get(name);
      if (name !== "member") store.set({ [name]: value });
      else store.set({ place: Math.max(0, curves.members.findIndex((m) => m.member === value)) });
    };
    model.on(`change:${name}`, take);
    return () => model.off(`change:${name}`, take);
  });
  return () => {
    leave();
    taking.forEach((stop) => stop());
  };
}

export default { render };
