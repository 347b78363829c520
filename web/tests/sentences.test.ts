// The page's recogniser and its trees against Python's (tests/view/sentences.py writes them).
import { describe, expect, it } from "vitest";
import { parsePack } from "../src/data/safetensors";
import { Decoder } from "../src/math/decoder";
import { nearest, Recogniser, Ungrammatical, type Grammar, type Span } from "../src/math/grammar";
import { bySplit, greedyTree, spanSimilarities } from "../src/math/spans";
import numbers from "./numbers.json";

const sorted = (spans: Span[]) => [...spans].sort((a, b) => a[0] - b[0] || a[1] - b[1]);

for (const { grammar, good, wrong, spans } of numbers.sentences) {
  const recogniser = new Recogniser(grammar as unknown as Grammar);

  describe(`the grammar of ${grammar.name}`, () => {
    it("gives the generator's trees, parts and answers, for every structure", () => {
      expect(good.length).toBe(42);
      for (const { words, tree, main, first, answer } of good) {
        const read = recogniser.read(words);
        expect(sorted(read.tree)).toEqual(tree);
        expect(read.main).toBe(main);
        if (grammar.auxiliaries) expect(read.first).toBe(first < 0 ? main : first);
        else if (first >= 0) expect(read.first).toBe(first);
        expect(recogniser.answer(read)).toEqual(answer);
      }
    });

    it("gives binary trees: one node splits behind every word but the last", () => {
      for (const { words, tree } of good) {
        const nodes = bySplit(tree as Span[]);
        expect(nodes.filter(Boolean).length).toBe(words.length - 1);
        nodes.forEach(([first, last], gap) => expect(first <= gap && gap < last).toBe(true));
      }
    });

    for (const { text, error } of wrong)
      it(`says what Python says of: ${text}`, () => {
        expect(() => recogniser.read(text.split(" "))).toThrow(Ungrammatical);
        expect(() => recogniser.read(text.split(" "))).toThrow(error);
      });

    it("would be caught with another tree", () => {
      const { words, tree } = good.at(-1)!;
      expect(sorted(recogniser.read([...words]).tree.map(([i, j]): Span => [i, Math.min(j + 1, words.length - 1)]))).not.toEqual(tree);
    });

    it("reads what people type, and knows what they may have meant", () => {
      expect(recogniser.words("  The NEWT  does sleep. ")).toEqual(["the", "newt", "does", "sleep"]);
      expect(() => recogniser.read(["the", "nwet", "sleep"])).toThrow("Did you mean 'newt'?");
      expect(() => recogniser.read(["computers"])).toThrow("The list of words is below.");
      expect(() => recogniser.read([])).toThrow("There is no word yet.");
      expect(nearest("ravne", ["raven", "yak"])).toBe("raven");
    });
  });

  describe(`spans of ${grammar.name}`, () => {
    const pack = parsePack(Uint8Array.from(atob(spans.pack), (c) => c.charCodeAt(0)).buffer);
    const network = Decoder.fromPack(pack, 0, pack.document.settings);
    const vocabulary = grammar.vocabulary;
    const numbersOf = (words: string[]) => words.map((word) => vocabulary.indexOf(word));

    it("are as alike as in Python, and split into the same trees", () => {
      spans.words.forEach((words, i) => {
        const n = words.length;
        const found = spanSimilarities(network, vocabulary.length - 1, numbersOf(words));
        found.forEach((value, at) => {
          const expected = spans.similarity[i]![at]!;
          if (expected === -9) expect(value).toBeNaN();
          else expect(Math.abs(value - expected)).toBeLessThan(1e-7);
        });
        const tree = greedyTree(found, n);
        expect(sorted(tree)).toEqual(spans.trees[i]);
        expect(bySplit(tree)).toEqual(tree);
      });
    });

    it("would be caught if words before were seen", () => {
      const words = numbersOf(spans.words[2]!);
      const found = spanSimilarities(network, words[0]!, words); // another start symbol
      expect(Math.max(...Array.from(found, (value, at) => (Number.isNaN(value) ? 0 : Math.abs(value - spans.similarity[2]![at]!))))).toBeGreaterThan(1e-5);
    });
  });
}
