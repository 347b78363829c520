// Rules of language that come late: curves with stopping points, instruments on the same axis, and one sentence's film.
import { Curves } from "../../data/curves";
import type { Chart } from "../../draw/chart";
import { add, clear, h } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { replaced } from "../../draw/swap";
import { memberControls, memberTrait } from "../../host/members";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits } from "../../host/traits";
import { inTurns } from "../../host/turns";
import { stepOf, stepTrait } from "../../host/whereabouts";
import { learningCharts } from "./learning";
import { Reader } from "./reader";
import { sentencePart, type Look, type SentencePart } from "./sentence";

type State = Look & { member: number };

export default runView(async ({ model, packs, root, closing }) => {
  let curves = new Curves(await packs.get("curves"));
  const told = packs.has("sentences") ? (await packs.get("sentences")).document : null;
  const readers = (told?.readers ?? []) as number[];
  const wanted = model.get("member") as number | null | undefined;
  const first = wanted ?? readers[0] ?? curves.members[0]!.member;
  const store = new Store<State>({
    step: stepOf(model, curves.lastStep),
    sentence: model.get("sentence") ?? "",
    member: curves.members[Math.max(0, curves.placeOf(first))]!.member,
  });
  const play = player(store, curves.lastStep);
  clear(root);
  const learning = replaced(h("div"));
  const controls = memberControls("Network", curves, store);
  add(root, h("div", { class: "lb-sticky" }, controls.el, play.el), learning.el());

  let charts: Chart[] = [];
  const drawLearning = inTurns(async () => {
    const measures = packs.has("measures") ? new Curves(await packs.get("measures")) : null;
    if (!packs.has("learning")) return;
    const arms = curves.document.arms as { members: number[] }[];
    const place = curves.placeOf(store.state.member);
    const places = arms.find(({ members }) => members.includes(place))?.members ?? [place];
    const made = learningCharts(await packs.get("learning"), curves, measures, places, play.scrub);
    charts = made.charts;
    charts.forEach((chart) => chart.mark(store.state.step));
    await learning.show({ el: made.el, close: () => made.charts.forEach((chart) => chart.close()) });
  });
  let part: SentencePart | null = null;
  const missing = h("p", { class: "lb-note", hidden: true });
  if (told) {
    part = sentencePart(told, store, () => [curves.document.log_steps ? 1 : 0, Math.max(1, curves.lastStep)], play.scrub);
    add(root, part.el, missing);
  }
  const open = () => {
    const { member } = store.state;
    if (!part) return;
    const kept = packs.has(`parses-${member}`);
    [part.el.hidden, missing.hidden] = [!kept, kept]; // what another network made of a sentence is not this one's
    missing.textContent = `No weights of member ${member} are kept here, so it cannot be seen reading a sentence.`;
    if (!kept) return part.leave();
    part.read({ number: member, parses: packs.get(`parses-${member}`), reader: new Reader(packs, member, packs.numbers(`weights-${member}-`)) });
  };
  store.on(["member"], () => {
    void drawLearning();
    open();
  });
  store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  closing.push(play.stop, learning.close, () => part?.close(), linkTraits(model, store, [stepTrait(() => curves.lastStep), "sentence", memberTrait(() => curves)]));
  await drawLearning();
  open();
  return () =>
    goAlong(packs, store, curves.lastStep, async (fresh) => {
      curves = fresh;
      play.setLast(fresh.lastStep);
      controls.renew(fresh);
      await drawLearning();
      open();
    });
});
