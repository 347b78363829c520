// When a member memorised and when it generalised: marks in the charts, and buttons that play the way there.
import type { Pack } from "../../data/safetensors";
import type { Chart } from "../../draw/chart";
import { shownSteps } from "../../draw/axes";
import { button } from "../../draw/dom";
import type { Player } from "../../draw/player";

export interface Events {
  memorised: number; // Infinity: not by the last log
  generalised: number;
  level: number; // of test accuracy
}

// Of one member; nothing is known of one that the pack does not tell of yet.
export function eventsOf(pack: Pack, member: number): Events {
  const { levels, level, members } = pack.document as { levels: number[]; level: number; members: { member: number }[] };
  const place = members.findIndex((own) => own.member === member);
  return {
    memorised: pack.arrays.t_mem!.data[place] ?? Infinity,
    generalised: place < 0 ? Infinity : pack.arrays.t_gen!.data[level * members.length + place]!,
    level: levels[level]!,
  };
}

export function showEvents(events: Events, last: number, place: HTMLElement, charts: Chart[], play: Player): void {
  const { memorised, generalised, level } = events;
  const percent = Math.round(100 * level);
  const marks: { step: number; text: string }[] = [];
  if (Number.isFinite(memorised)) marks.push({ step: memorised, text: "train 99 %" });
  if (Number.isFinite(generalised)) marks.push({ step: generalised, text: `test ${percent} %` });
  charts.forEach((chart) => chart.annotate(marks));
  const buttons: HTMLButtonElement[] = [];
  if (Number.isFinite(memorised) && memorised > 0)
    buttons.push(button(`▶ memorises (0 to ${shownSteps(memorised)})`, () => play.play(0, memorised, 3)));
  if (Number.isFinite(generalised)) {
    const from = Math.max(0, Math.min(Number.isFinite(memorised) ? memorised : 0, generalised));
    const start = Math.max(from, generalised - 0.4 * (generalised - from));
    const end = Math.min(last, generalised + 0.1 * (generalised - from) + 1);
    buttons.push(button(`▶ generalises (${shownSteps(start)} to ${shownSteps(end)})`, () => play.play(start, end, 5)));
    if (end < last) buttons.push(button(`▶ afterwards (to ${shownSteps(last)})`, () => play.play(end, last, 5)));
  }
  const words = (all: ArrayLike<Element>) => Array.from(all, (one) => one.textContent).join();
  if (words(place.children) !== words(buttons)) place.replaceChildren(...buttons);
}
