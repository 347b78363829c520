// Rules of language that come late: curves with stopping points, instruments on the same axis, and one sentence's film.
import { Curves } from "../../data/curves";
import type { Chart } from "../../draw/chart";
import { add, clear, h } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { memberControls, memberTrait } from "../../host/members";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits } from "../../host/traits";
import { learningCharts } from "./learning";
import { Reader } from "./reader";
import { sentencePart, type Look, type SentencePart } from "./sentence";

type State = Look & { place: number };

export default runView(async ({ model, packs, root, closing }) => {
  let curves = new Curves(await packs.get("curves"));
  const told = packs.has("sentences") ? (await packs.get("sentences")).document : null;
  const readers = (told?.readers ?? []) as number[];
  const wanted = model.get("member") as number | null | undefined;
  const first = wanted ?? readers[0] ?? curves.members[0]!.member;
  const store = new Store<State>({
    step: model.get("step") ?? curves.lastStep,
    sentence: model.get("sentence") ?? "",
    place: Math.max(0, curves.placeOf(first)),
  });
  const play = player(store, curves.lastStep);
  clear(root);
  const learning = h("div");
  add(root, h("div", { class: "lb-sticky" }, memberControls("Network", curves, store), play.el), learning);

  let charts: Chart[] = [];
  const drawLearning = async () => {
    const measures = packs.has("measures") ? new Curves(await packs.get("measures")) : null;
    if (!packs.has("learning")) return;
    const arms = curves.document.arms as { members: number[] }[];
    const places = arms.find(({ members }) => members.includes(store.state.place))?.members ?? [store.state.place];
    const made = learningCharts(await packs.get("learning"), curves, measures, places, play.scrub);
    charts.forEach((chart) => chart.close());
    charts = made.charts;
    charts.forEach((chart) => chart.mark(store.state.step));
    learning.replaceChildren(made.el);
  };
  let part: SentencePart | null = null;
  if (told) {
    part = sentencePart(told, store, [curves.document.log_steps ? 1 : 0, Math.max(1, curves.lastStep)], play.scrub);
    add(root, part.el);
  }
  const open = () => {
    const { member } = curves.members[store.state.place]!;
    if (!part || !packs.has(`parses-${member}`)) return;
    part.read({ parses: packs.get(`parses-${member}`), reader: new Reader(packs, member, packs.numbers(`weights-${member}-`)) });
  };
  store.on(["place"], () => {
    void drawLearning();
    open();
  });
  store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  closing.push(play.stop, () => charts.forEach((chart) => chart.close()), () => part?.close(), linkTraits(model, store, ["step", "sentence", memberTrait(curves)]));
  await drawLearning();
  open();
  return () =>
    goAlong(packs, store, curves.lastStep, async (fresh) => {
      curves = fresh;
      play.setLast(fresh.lastStep);
      await drawLearning();
      open();
    });
});
