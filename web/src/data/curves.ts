// The packs `curves` and `measures`: columns [member, step] with the steps they were logged at.
import type { Series } from "../draw/chart";
import type { Ending } from "../draw/quantile";
import type { Pack } from "./safetensors";

export interface Member {
  member: number;
  seed: number;
  settings: Record<string, string>;
  diverged: boolean;
  done: boolean; // it trains no further
  chance: number | null; // accuracy of a guess; null: nothing can be guessed right
}

export class Curves {
  readonly members: Member[];

  constructor(private readonly pack: Pack) {
    this.members = pack.document.members;
  }

  get document(): any {
    return this.pack.document;
  }

  get names(): string[] {
    return Object.keys(this.pack.document.columns);
  }

  has(name: string): boolean {
    return name in this.pack.document.columns;
  }

  unit(name: string): string {
    return this.pack.document.columns[name].unit;
  }

  // Said where not every log is here; empty where all are.
  get thinned(): string {
    const { stride } = this.pack.document;
    return stride > 1 ? `The log is long: about one in ${Number(stride.toPrecision(2))} of its entries is drawn, the first and the last among them.` : "";
  }

  get lastStep(): number {
    return this.pack.document.last_step;
  }

  // Accuracy of a guess, if it is the same for all members (of the places given); null: it is not, or there is none.
  chance(places?: number[]): number | null {
    const chosen = places?.map((place) => this.members[place]!) ?? this.members;
    const [own, ...others] = new Set(chosen.map((member) => member.chance));
    return others.length ? null : (own ?? null);
  }

  // One series of all members (or of the places given).
  series(name: string, label: string, colour: string, places?: number[], dashed = false): Series {
    const { axis } = this.pack.document.columns[name];
    const table = this.pack.arrays[name]!;
    const width = table.shape[1]!;
    const data = table.data as Float32Array;
    const chosen = places ?? this.members.map((_, i) => i);
    return {
      name: label,
      colour,
      dashed,
      x: this.pack.arrays[`axis${axis}`]!.data,
      lines: chosen.map((place) => data.subarray(place * width, (place + 1) * width)),
      endings: chosen.map((place) => endingOf(this.members[place]!)),
    };
  }

  // Where a member stands in the list; -1: it is none of this run's.
  placeOf(member: number): number {
    return this.members.findIndex((own) => own.member === member);
  }

  // What a list calls a member.
  word(place: number): string {
    const { member, seed, settings, diverged } = this.members[place]!;
    const own = Object.entries(settings).map(([name, value]) => `${name.split(".").pop()!.replaceAll("_", " ")} ${value}`);
    return `${member}: ${[...own, `seed ${seed}`].join(", ")}${diverged ? " (diverged)" : ""}`;
  }
}

function endingOf({ diverged, done }: Member): Ending {
  return diverged ? "diverged" : done ? "done" : "training";
}

const SPLITS = { train: "--lb-train", test: "--lb-test", clean: "--lb-cycle-0" };

// Train in purple, test in green: the series of a quantity that was measured on splits.
export function splitSeries(curves: Curves, quantity: "accuracy" | "loss", places?: number[]): Series[] {
  return Object.entries(SPLITS)
    .filter(([split]) => curves.has(`${split}_${quantity}`))
    .map(([split, colour]) => curves.series(`${split}_${quantity}`, split, colour, places, split === "train"));
}
