// How alike every span of a sentence is with itself out of context, and the tree that greedy splitting makes of it: the
// instruments span_vectors and tree_projection for one sentence of a causal network.
import type { Decoder } from "./decoder";
import type { Span } from "./grammar";

// Cosine [first, last] of the sums of last states with and without the words before; 1 where a span begins the sentence.
export function spanSimilarities(network: Decoder, start: number, words: ArrayLike<number>): Float64Array {
  const n = words.length;
  const d = network.settings.d_model;
  // The start symbol, then for each first word the row of the words behind it: a causal network gives all their spans.
  const places = 1 + (n * (n + 1)) / 2;
  const [symbols, positions, from] = [new Int32Array(places), new Int32Array(places), new Int32Array(places)];
  const row = (first: number) => 1 + first * n - (first * (first - 1)) / 2;
  symbols[0] = start;
  for (let first = 0; first < n; first++)
    for (let word = first; word < n; word++) {
      const place = row(first) + word - first;
      symbols[place] = words[word]!;
      positions[place] = 1 + word;
      from[place] = row(first);
    }
  const states = network.states({ places, symbols, positions, from, shared: 1 });
  const similarity = new Float64Array(n * n).fill(NaN);
  const [inside, outside] = [new Float64Array(d), new Float64Array(d)];
  for (let first = 0; first < n; first++) {
    inside.fill(0);
    outside.fill(0);
    for (let last = first; last < n; last++) {
      const [own, ordinary] = [(row(first) + last - first) * d, (1 + last) * d];
      let [both, ins, outs] = [0, 0, 0];
      for (let i = 0; i < d; i++) {
        inside[i]! += states[own + i]!;
        outside[i]! += states[ordinary + i]!;
        both += inside[i]! * outside[i]!;
        ins += inside[i]! ** 2;
        outs += outside[i]! ** 2;
      }
      similarity[first * n + last] = first ? (ins && outs ? both / Math.sqrt(ins * outs) : 0) : 1;
    }
  }
  return similarity;
}

// The node that splits behind each word 0..n-2: from the whole sentence down, the split whose two children are most alike
// with themselves out of context; of equals the leftmost.
export function greedyTree(similarity: ArrayLike<number>, n: number): Span[] {
  const nodes: Span[] = [];
  const down = (first: number, last: number): void => {
    if (first === last) return;
    let [best, at] = [-Infinity, first];
    for (let k = first; k < last; k++) {
      const value = similarity[first * n + k]! + similarity[(k + 1) * n + last]!;
      if (value > best) [best, at] = [value, k];
    }
    nodes[at] = [first, last];
    down(first, at);
    down(at + 1, last);
  };
  down(0, n - 1);
  return nodes;
}

// The gap at which each node of a binary tree splits, from its spans.
export function bySplit(spans: Span[]): Span[] {
  const nodes: Span[] = [];
  for (const [first, last] of spans) {
    const left = Math.max(first, ...spans.filter(([i, j]) => i === first && j < last).map(([, j]) => j));
    nodes[left] = [first, last];
  }
  return nodes;
}
