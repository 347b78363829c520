// The explorable on a run: curves to scrub, and every picture that its networks allow.
import { Curves, splitSeries } from "../../data/curves";
import { memberControls, memberTrait } from "../../host/members";
import type { Packs } from "../../host/model";
import { goAlong, runView } from "../../host/run_view";
import { linkTraits } from "../../host/traits";
import { Chart } from "../../draw/chart";
import { add, clear, h } from "../../draw/dom";
import { player } from "../../draw/player";
import { Store } from "../../draw/store";
import { Film } from "./film";
import { gallery } from "./gallery";
import { eventsOf, showEvents } from "./events";
import { grid, modularPictures, type Look } from "./modular";
import { outcomes } from "./outcomes";
import { parityPictures } from "./parity";

export default runView(async ({ model, packs, root, closing }) => {
  let curves = new Curves(await packs.get("curves"));
  const found = packs.has("outcomes") ? await packs.get("outcomes") : null;
  const wanted = model.get("member") as number | null | undefined;
  // Without being asked for one, a member that came to generalise late: it has most to show.
  const late = found ? found.document.labels[Math.min(1, found.document.labels.length - 1)].indexOf("grok") : 0;
  const asked = Math.max(0, wanted == null ? late : curves.placeOf(wanted));
  const store = new Store<Look & { place: number }>({
    step: model.get("step") ?? curves.lastStep,
    neuron: null,
    a: model.get("a") ?? 13,
    b: model.get("b") ?? 19,
    place: asked,
  });
  clear(root);
  const linked = h("div");
  let closeLinked = () => {};
  const { controls, charts, play, renew } = curveCharts(curves, store);
  closing.push(() => charts.forEach((chart) => chart.close()), play.stop, () => closeLinked());
  const showMember = async () => {
    const { member } = curves.members[store.state.place]!;
    closeLinked();
    closeLinked = () => {};
    const pictures = await networkPictures(packs, member, store);
    if (!pictures || curves.members[store.state.place]!.member !== member) return;
    linked.replaceChildren(pictures.el);
    closeLinked = pictures.close;
  };
  add(root, h("div", { class: "lb-sticky" }, controls, play.el, grid("lb-two lb-charts", charts)), linked);
  store.on(["place"], () => void showMember());
  closing.push(linkTraits(model, store, ["step", "a", "b", memberTrait(curves)]));
  await showMember();
  const pick = (place: number) => {
    store.set({ place });
    root.scrollIntoView({ block: "start" });
  };
  if (found) {
    const events = h("div", { class: "lb-events" });
    play.el.after(events);
    const tell = () => showEvents(eventsOf(found, store.state.place), curves.lastStep, events, charts, play);
    store.on(["place"], tell);
    tell();
    if (curves.members.length > 1) add(root, outcomes(found, curves, pick));
  }
  if (packs.has("gallery")) add(root, gallery(await packs.get("gallery"), curves, pick, closing));
  return () =>
    goAlong(packs, store, curves.lastStep, (fresh) => {
      curves = fresh;
      renew(curves);
      return showMember();
    });
});

function curveCharts(curves: Curves, store: Store<Look & { place: number }>) {
  const picked = () => (curves.members.length > 1 ? store.state.place : null);
  const options = { chance: null as number | null, picked, logX: curves.document.log_steps as boolean };
  const play = player(store, curves.lastStep);
  const { scrub } = play;
  const charts: Chart[] = [];
  const accuracy = splitSeries(curves, "accuracy");
  if (accuracy.length)
    charts.push(
      new Chart({ ...options, title: "Accuracy", unit: "share of rows", series: accuracy, range: [0, 1], chance: curves.chance, scrub }),
    );
  const loss = splitSeries(curves, "loss");
  if (loss.length) charts.push(new Chart({ ...options, title: `Loss: ${curves.document.loss_unit}`, unit: curves.document.loss_unit, series: loss, log: true, scrub }));
  store.on(["step"], () => charts.forEach((chart) => chart.mark(store.state.step)));
  store.on(["place"], () => charts.forEach((chart) => chart.redraw()));
  charts.forEach((chart) => chart.mark(store.state.step));
  const renew = (fresh: Curves) => {
    const series = [splitSeries(fresh, "accuracy"), splitSeries(fresh, "loss")].filter((one) => one.length);
    charts.forEach((chart, i) => chart.update(series[i]!));
    play.setLast(fresh.lastStep);
  };
  return { controls: memberControls("Member", curves, store), charts, play, renew };
}

async function networkPictures(packs: Packs, member: number, store: Store<Look & { place: number }>) {
  if (packs.has(`tables-${member}`)) {
    const film = Film.fromPack(await packs.get(`tables-${member}`));
    store.set({ a: Math.min(store.state.a, film.p - 1), b: Math.min(store.state.b, film.p - 1) });
    return modularPictures(film, store);
  }
  if (packs.has(`parity-${member}`)) return parityPictures(await packs.get(`parity-${member}`), store);
  return null;
}
