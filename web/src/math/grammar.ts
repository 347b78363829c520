// Reads a sentence of Question Formation or Tense Inflection: its tree and its parts, or a sentence that says which word is
// wrong and what would be right. What latebloom.tasks.language.recogniser does, with the words that the pack brings.

export interface Grammar {
  name: string;
  lexicon: Record<string, [string[], string[]]>; // part of speech -> forms by number; equal halves where it does not show
  present: Record<string, [string[], string[]]>;
  auxiliaries: boolean;
  tasks: [string, string];
  marks: [string, string];
  names: Record<string, string>;
  numbers: string[];
  vocabulary: string[];
}

export type Span = [first: number, last: number]; // words, both counted, from 0

export interface Sentence {
  words: string[];
  tree: Span[]; // phrases of two words or more, the whole sentence included
  main: number; // place of the main auxiliary or verb
  first: number; // place of the first auxiliary, where there are some; else of the noun before the verb
  head: number; // 0 singular, 1 plural: number of the subject
  agreeing: Map<number, number>; // place of each verb or auxiliary -> number that it agrees with
}

export class Ungrammatical extends Error {}

interface Noun {
  word: string;
  number: number;
}

interface Reading {
  part: string;
  number: number | null;
}

export class Recogniser {
  private readonly known = new Map<string, Reading>();

  constructor(readonly grammar: Grammar) {
    for (const [part, [singular, plural]] of Object.entries(grammar.lexicon))
      singular.forEach((one, i) => {
        const shows = one !== plural[i];
        this.known.set(one, { part, number: shows ? 0 : null });
        this.known.set(plural[i]!, { part, number: shows ? 1 : null });
      });
  }

  // Words as typed: case, a final mark and spaces do not matter.
  words(text: string): string[] {
    return text.toLowerCase().replaceAll("’", "'").replace(/[.?!]\s*$/, "").split(/\s+/).filter(Boolean);
  }

  read(words: string[]): Sentence {
    if (!words.length) throw new Ungrammatical("There is no word yet.");
    return new Reader(words, this.grammar, this.known).sentence();
  }

  // The right answer to the second task of the grammar, without its mark.
  answer({ words, main, agreeing }: Sentence): string[] {
    if (this.grammar.auxiliaries) return [words[main]!, ...words.filter((_, i) => i !== main)];
    return words.map((word, place) => {
      const number = agreeing.get(place);
      return number === undefined ? word : this.present(word, number);
    });
  }

  // A past-tense verb in the present, in the given number.
  present(word: string, number: number): string {
    const { part } = this.known.get(word)!;
    return this.grammar.present[part]![number]![this.grammar.lexicon[part]![0].indexOf(word)]!;
  }
}

class Reader {
  private at = 0;
  private readonly tree: Span[] = [];
  private readonly agreeing = new Map<number, number>();

  constructor(
    private readonly words: string[],
    private readonly grammar: Grammar,
    private readonly known: Map<string, Reading>,
  ) {}

  sentence(): Sentence {
    const head = this.phrase();
    const main = this.at;
    this.predicate(head, true);
    if (this.at < this.words.length) throw this.error("the end of the sentence, since it is complete");
    this.tree.push([0, this.words.length - 1]);
    const before = (part: string) => Array.from({ length: main }, (_, i) => i).filter((i) => this.known.get(this.words[i]!)!.part === part);
    const first = this.grammar.auxiliaries ? (before("Aux")[0] ?? main) : before("N").at(-1)!;
    return { words: this.words, tree: this.tree, main, first, head: head.number, agreeing: this.agreeing };
  }

  private peek(): Reading | null {
    const word = this.words[this.at];
    if (word === undefined) return null;
    const found = this.known.get(word);
    if (!found) {
      const near = nearest(word, [...this.known.keys()]);
      throw new Ungrammatical(`Word ${this.at + 1}, '${word}', of '${this.words.join(" ")}' is not in the vocabulary. ${near ? `Did you mean '${near}'?` : "The list of words is below."}`);
    }
    return found;
  }

  private take(parts: string[], agree: Noun | null = null): Reading {
    const seen = this.peek();
    const agrees = !seen || !agree || seen.number === null || seen.number === agree.number;
    if (!seen || !parts.includes(seen.part) || !agrees) throw this.error(parts.map((part) => this.asked(part, agree)).join(" or "));
    if (agree) this.agreeing.set(this.at, agree.number);
    this.at++;
    return seen;
  }

  private asked(part: string, agree: Noun | null): string {
    const { names, lexicon, numbers } = this.grammar;
    return agree ? `${names[part]} (${lexicon[part]![agree.number]!.join(", ")}) that agrees with '${agree.word}', ${numbers[agree.number]}` : names[part]!;
  }

  private error(expected: string): Ungrammatical {
    const sentence = quoted(this.words.join(" "));
    if (this.at === this.words.length) return new Ungrammatical(`${sentence} ends too early: expected ${expected}.`);
    return new Ungrammatical(`Word ${this.at + 1}, ${quoted(this.words[this.at]!)}, of ${sentence}: expected ${expected}.`);
  }

  // Notes the phrase that began at a place and ends here.
  private close(first: number): void {
    this.tree.push([first, this.at - 1]);
  }

  private nounPhrase(): Noun {
    const from = this.at;
    this.take(["Det"]);
    const word = this.words[this.at];
    const { number } = this.take(["N"]);
    this.close(from);
    return { word: word!, number: number ?? 0 };
  }

  // A noun phrase with at most one modifier; its head.
  private phrase(): Noun {
    const from = this.at;
    const head = this.nounPhrase();
    const following = this.peek()?.part;
    if (following === "Prep") {
      const inside = this.at;
      this.take(["Prep"]);
      this.nounPhrase();
      this.close(inside);
      this.close(from);
    } else if (following === "Rel") {
      this.clause(head);
      this.close(from);
    }
    return head;
  }

  private clause(head: Noun): void {
    const from = this.at;
    this.take(["Rel"]);
    if (this.peek()?.part !== "Det") this.predicate(head, false);
    else {
      const inside = this.at;
      const own = this.nounPhrase();
      const verb = this.at;
      if (this.grammar.auxiliaries) {
        this.take(["Aux"], own);
        this.take(["Vt"]);
        this.close(verb);
      } else this.take(["Vt"], own);
      this.close(inside);
    }
    this.close(from);
  }

  // A verb phrase whose verb agrees with `head`; the object may be modified only where `nested`.
  private predicate(head: Noun, nested: boolean): void {
    const from = this.at;
    const { auxiliaries } = this.grammar;
    if (auxiliaries) this.take(["Aux"], head);
    const verb = this.at;
    if (this.take(["Vi", "Vt"], auxiliaries ? null : head).part === "Vt") {
      if (nested) this.phrase();
      else this.nounPhrase();
      this.close(verb);
    }
    if (auxiliaries) this.close(from);
  }
}

// As Python writes a text: in single quotes, in double ones where it has a single one.
function quoted(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}

// The known word that takes the fewest changes, if these are few.
export function nearest(word: string, known: string[]): string | null {
  let best: { word: string; far: number } | null = null;
  for (const other of known) {
    const far = distance(word, other);
    if (!best || far < best.far) best = { word: other, far };
  }
  return best && best.far <= Math.max(2, Math.floor(word.length / 3)) ? best.word : null;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
