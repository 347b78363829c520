// The explorable on a run: curves to scrub, and every picture that its networks allow.
import { Curves, splitSeries } from "../../data/curves";
import type { Pack } from "../../data/safetensors";
import { memberControls, memberTrait } from "../../host/members";
import type { Packs } from "../../host/model";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits, type Trait } from "../../host/traits";
import { inTurns } from "../../host/turns";
import { stepOf, stepTrait } from "../../host/whereabouts";
import { clamp } from "../../draw/axes";
import { Chart } from "../../draw/chart";
import { add, alarm, clear, h } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { replaced, type Part } from "../../draw/swap";
import { Film } from "./film";
import { gallery } from "./gallery";
import { eventsOf, showEvents } from "./events";
import { grid, modularPictures, type Look } from "./modular";
import { outcomes } from "./outcomes";
import { parityPictures } from "./parity";

type State = Look & { member: number; p: number }; // p: of the network that is shown; infinite where there is none

export default runView(async ({ model, packs, root, closing }) => {
  let curves = new Curves(await packs.get("curves"));
  let found = packs.has("outcomes") ? await packs.get("outcomes") : null;
  const asked = Math.max(0, curves.placeOf(model.get("member") ?? found?.document.opens));
  const store = new Store<State>({
    step: stepOf(model, curves.lastStep),
    neuron: null,
    joined: true,
    a: model.get("a") ?? 13,
    b: model.get("b") ?? 19,
    p: Infinity,
    member: curves.members[asked]!.member,
  });
  const place = () => curves.placeOf(store.state.member);
  const { charts, play, renew } = curveCharts(curves, store, () => (curves.members.length > 1 ? place() : null));
  const controls = memberControls("Member", curves, store);
  const events = h("div", { class: "lb-events" });
  const linked = replaced(h("div"));
  closing.push(() => charts.forEach((chart) => chart.close()), play.stop, linked.close);
  const showMember = inTurns(async () => {
    const { member } = store.state;
    const pictures = await networkPictures(packs, member, store).catch((error: Error) => inPlace(alarm(`The network of member ${member} cannot be shown: ${error.message}`)));
    if (store.state.member === member) await linked.show(pictures);
    else pictures.close();
  });
  const tellEvents = () => found && showEvents(eventsOf(found, store.state.member), curves.lastStep, events, charts, play);
  clear(root);
  add(root, h("div", { class: "lb-sticky" }, controls.el, play.el, events, grid("lb-two lb-charts", charts)), linked.el());
  store.on(["member"], () => {
    tellEvents();
    void showMember();
  });
  closing.push(linkTraits(model, store, [stepTrait(() => curves.lastStep), residueTrait("a", store), residueTrait("b", store), memberTrait(() => curves)]));
  tellEvents();
  await showMember();

  const pick = (member: number) => {
    store.set({ member });
    root.scrollIntoView({ block: "start" });
  };
  const overviews = [outcomes(pick), gallery(pick)]; // of all members, where there are several
  closing.push(() => overviews.forEach((part) => part.close()));
  add(root, ...overviews.map((part) => part.el));
  const ask = () => Promise.all(["outcomes", "gallery"].map((name) => (packs.has(name) ? packs.get(name) : null)));
  const tellAll = (given: (Pack | null)[]) =>
    Promise.all(overviews.map((part, i) => given[i] && curves.members.length > 1 && part.renew(given[i], curves)));
  await tellAll(await ask());
  return () =>
    goAlong(packs, store, curves.lastStep, async (fresh) => {
      const given = await ask();
      [curves, found] = [fresh, given[0]!];
      renew(curves);
      controls.renew(curves);
      tellEvents();
      await Promise.all([tellAll(given), showMember()]);
    });
});

function curveCharts(curves: Curves, store: Store<State>, picked: () => number | null) {
  const options = { chance: null as number | null, picked, logX: curves.document.log_steps as boolean };
  const play = player(store, curves.lastStep);
  const { scrub } = play;
  const charts: Chart[] = [];
  const accuracy = splitSeries(curves, "accuracy");
  if (accuracy.length)
    charts.push(
      new Chart({ ...options, title: "Accuracy", unit: "share of rows", series: accuracy, range: [0, 1], chance: curves.chance(), scrub }),
    );
  const loss = splitSeries(curves, "loss");
  if (loss.length) charts.push(new Chart({ ...options, title: `Loss: ${curves.document.loss_unit}`, unit: curves.document.loss_unit, series: loss, log: true, scrub }));
  store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  store.on(["member"], () => charts.forEach((chart) => chart.redraw()));
  charts.forEach((chart) => chart.mark(store.state.step));
  const renew = (fresh: Curves) => {
    const told = [
      { series: splitSeries(fresh, "accuracy"), chance: fresh.chance() },
      { series: splitSeries(fresh, "loss"), chance: null },
    ].filter(({ series }) => series.length);
    charts.forEach((chart, i) => chart.update(told[i]!));
    play.setLast(fresh.lastStep);
  };
  return { charts, play, renew };
}

async function networkPictures(packs: Packs, member: number, store: Store<State>): Promise<Part> {
  if (packs.has(`tables-${member}`)) {
    const film = Film.fromPack(await packs.get(`tables-${member}`));
    store.set({ p: film.p, a: Math.min(store.state.a, film.p - 1), b: Math.min(store.state.b, film.p - 1) });
    return modularPictures(film, store);
  }
  if (packs.has(`parity-${member}`)) return parityPictures(await packs.get(`parity-${member}`), store);
  // Of a run without weights there is nothing to say; where others have some, theirs must not stand here.
  const others = [...packs.numbers("tables-"), ...packs.numbers("parity-")];
  return inPlace(others.length > 0 && h("p", { class: "lb-note" }, `No weights of member ${member} are kept here that these pictures could show.`));
}

// A summand as Python sets it: one of the residues that there are.
function residueTrait(name: "a" | "b", store: Store<State>): Trait<State> {
  return { name, key: name, tell: (value) => value, take: (value) => clamp(Math.round(value), 0, store.state.p - 1) };
}

// Words in the place of pictures.
function inPlace(words: HTMLElement | false): Part {
  return { el: h("div", {}, words), close: () => {} };
}
