// A network at some steps reads sentences in its own thread: the tree of its span vectors, and the word that decides.
import type { Pack } from "../../data/safetensors";
import { Decoder } from "../../math/decoder";
import type { Span } from "../../math/grammar";
import { greedyTree, spanSimilarities } from "../../math/spans";

export interface Asked {
  id: number;
  step: number;
  start: number;
  words: number[]; // of the sentence
  front: number[] | null; // what stands before the word that decides; null: nothing is asked
}

export interface Read {
  id: number;
  step: number;
  nodes: Span[]; // by the gap at which they split
  words: Float32Array | null; // probability of every word of the vocabulary
}

const MOST = 12; // networks kept: of the widest, one takes ten megabytes
const made = new Map<number, Decoder>();

onmessage = ({ data }: MessageEvent<{ pack?: Pack; ask?: Asked }>) => {
  if (data.pack) {
    const { settings, step } = data.pack.document;
    made.set(step, Decoder.fromPack(data.pack, 0, settings));
    if (made.size > MOST) made.delete(made.keys().next().value!);
  }
  if (data.ask) {
    const { id, step, start, words, front } = data.ask;
    const network = made.get(step);
    if (!network) return void postMessage({ id, step, missing: true });
    const nodes = greedyTree(spanSimilarities(network, start, words), words.length);
    const read: Read = { id, step, nodes, words: front && likely(network, [start, ...front]) };
    postMessage(read);
  }
};

function likely(network: Decoder, symbols: number[]): Float32Array {
  const logits = network.outputs({ places: symbols.length, symbols }, [symbols.length - 1]);
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = Float32Array.from(logits, (value) => Math.exp(value - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((value) => value / total);
}
