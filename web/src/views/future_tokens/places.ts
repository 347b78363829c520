// Loss by place in the sequence, arm by arm, and what each cut costs there: the myopic loss minus the vanilla one of the
// same seed.
import { frameAt } from "../../data/frames";
import type { Pack } from "../../data/safetensors";
import { shownSteps } from "../../draw/axes";
import { h } from "../../draw/dom";
import { Lines, rangeOf, type Line } from "../../draw/lines";
import type { Shared } from "../../draw/store";
import { colourOf, paired, rowOf, vanilla, type Group } from "./arms";
import type { Look } from "./look";

export function placePictures(pack: Pack, store: Shared<Look>, group: () => Group) {
  const steps = pack.arrays.by_place_steps!.data;
  const width = pack.arrays.by_place!.shape[2]!;
  const x = Array.from({ length: width }, (_, i) => i); // from 0, as claims and figures count
  const unit = pack.document.place_unit as string;
  const frame = () => frameAt(steps, store.state.step);
  const own = (at: number): Line[] =>
    group().arms.map((arm) => ({
      name: arm.name,
      colour: colourOf(group(), arm),
      lines: arm.members.map((member) => rowOf(pack, "by_place", at, member)),
    }));
  const gaps = (at: number): Line[] => {
    const base = vanilla(group());
    if (!base) return [];
    return group()
      .arms.filter((arm) => arm !== base && arm.past !== "zeroed")
      .map((arm) => ({
        name: arm.name,
        colour: colourOf(group(), arm),
        lines: paired(arm, base).map(([one, other]) => minus(rowOf(pack, "by_place", at, one), rowOf(pack, "by_place", at, other))),
      }))
      .filter((line) => line.lines.some((own) => Array.from(own).some(Number.isFinite)));
  };
  const best = pack.arrays.best?.data as Float32Array | undefined;
  const withBest = (lines: Line[]): Line[] =>
    best ? [...lines, { name: "least possible", colour: "--lb-faint", lines: [best], dash: [4, 3], thin: true }] : lines;
  // Axes stay put while one scrubs. They fit the second half: the first steps would leave no room for the rest.
  const last = steps[steps.length - 1]!;
  const later = Array.from({ length: steps.length }, (_, i) => i).filter((i) => steps[i]! >= 0.5 * last);
  const range = memo(group, () => rangeOf(later.flatMap((i) => withBest(own(i)).flatMap((line) => line.lines))));
  const gapRange = memo(group, () => rangeOf(later.flatMap((i) => gaps(i).flatMap((line) => line.lines)), { zero: true }));
  const places = (value: number) => `place ${value}`;
  const charts = [
    new Lines({ title: "Loss by place", unit, xTitle: "place in the sequence", x: () => x, series: () => withBest(own(frame())), range, xWords: places }),
  ];
  if (pack.document.groups.some((one: Group) => vanilla(one) && one.arms.length > 1))
    charts.push(
      new Lines({
        title: "Gap: loss minus vanilla's, same seed",
        unit,
        xTitle: "place in the sequence",
        x: () => x,
        series: () => gaps(frame()),
        range: gapRange,
        zero: true,
        xWords: places,
      }),
    );
  const told = h("p", { class: "lb-verdict" });
  const tell = () => {
    charts.forEach((chart) => chart.redraw());
    const said = gaps(frame()).map((line) => `${line.name} ${signed(mean(line.lines))}`);
    told.textContent = `Step ${shownSteps(steps[frame()]!)}. ${
      said.length ? `Mean gap to vanilla over all places, in ${unit}: ${said.join("; ")}.` : "The gap needs a vanilla arm and another one of the same seeds, measured at this step."
    }`;
  };
  tell();
  return { charts, told, tell };
}

function minus(one: ArrayLike<number>, other: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: one.length }, (_, i) => one[i]! - other[i]!);
}

function mean(lines: ArrayLike<number>[]): number {
  const values = lines.flatMap((line) => Array.from(line)).filter(Number.isFinite);
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

function memo<Result>(group: () => Group, make: () => Result): () => Result {
  const kept = new Map<Group, Result>();
  return () => {
    if (!kept.has(group())) kept.set(group(), make());
    return kept.get(group())!;
  };
}
