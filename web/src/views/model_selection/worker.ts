// Networks answer in their own thread, one after the other, so that the first curves come while the last are worked out.
import type { Pack } from "../../data/safetensors";
import { Decoder } from "../../math/decoder";
import { predict } from "../../math/in_context";

export interface Order {
  pack?: Pack; // to be kept for later orders
  ask?: { step: number; networks: number[]; x: number[]; y: number[]; query: Float64Array };
}

export interface Told {
  network: number;
  curve: Float64Array;
}

let packs: Pack[] = [];
const made = new Map<string, Decoder>();

function networkAt(step: number, number: number): { network: Decoder; pack: Pack } {
  for (const pack of packs) {
    const snapshot = [...pack.arrays.steps!.data].indexOf(step);
    if (snapshot < 0) continue;
    const key = `${step}/${number}`;
    if (!made.has(key)) made.set(key, Decoder.fromPack(pack, snapshot, pack.document.settings, `${number}/`));
    return { network: made.get(key)!, pack };
  }
  throw new Error(`No weights of step ${step} are here.`);
}

onmessage = ({ data }: MessageEvent<Order>) => {
  // What a later pack of a run that trains holds as well is let go.
  const steps = (pack: Pack) => [...pack.arrays.steps!.data];
  if (data.pack) packs = [...packs.filter((own) => steps(own).some((step) => !steps(data.pack!).includes(step))), data.pack];
  if (!data.ask) return;
  const { step, networks, x, y, query } = data.ask;
  for (const number of networks) {
    const { network, pack } = networkAt(step, number);
    const told: Told = { network: number, curve: predict(network, pack.document.layout, x, y, query) };
    postMessage(told);
  }
  postMessage({ done: true });
};
