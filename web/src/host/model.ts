// The part of anywidget's model that views use. In a notebook Jupyter gives it; in the web page WebModel does.
import { parsePack, type Pack } from "../data/safetensors";

export interface Model {
  get(name: string): any;
  set(name: string, value: unknown): void;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback?: (...args: any[]) => void): void;
  save_changes(): void;
  send(content: unknown): void;
}

export interface Rendering {
  model: Model;
  el: HTMLElement;
}

export interface ViewModule {
  render(rendering: Rendering): Promise<() => void> | (() => void);
}

interface Waiting {
  take: (pack: Pack) => void;
  fail: (error: Error) => void;
}

// Asks the host for packs by name; each is fetched once, and asked for again only after `forget`.
export class Packs {
  // Of each name one question at a time: answers tell a name alone, and one that was on its way before `forget` is of before.
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly kept = new Map<string, Promise<Pack>>();
  private readonly listener: (content: any, buffers: (DataView | ArrayBuffer)[]) => void;

  constructor(private readonly model: Model) {
    this.listener = (content, buffers) => this.receive(content, buffers ?? []);
    model.on("msg:custom", this.listener);
  }

  has(name: string): boolean {
    return (this.model.get("document")?.packs ?? []).includes(name);
  }

  // The numbers that names with this stem end in, in ascending order.
  numbers(stem: string): number[] {
    const names = (this.model.get("document")?.packs ?? []) as string[];
    return names.filter((name) => name.startsWith(stem)).map((name) => Number(name.slice(stem.length))).sort((a, b) => a - b);
  }

  get(name: string): Promise<Pack> {
    let found = this.kept.get(name);
    if (!found) {
      found = new Promise<Pack>((take, fail) => {
        const before = this.waiting.get(name) ?? [];
        this.waiting.set(name, [...before, { take, fail }]);
        if (!before.length) this.model.send({ need: name });
      });
      this.kept.set(name, found);
      const own = found;
      own.catch(() => this.kept.get(name) === own && this.kept.delete(name));
    }
    return found;
  }

  forget(): void {
    this.kept.clear();
  }

  // Lets go of one that is large and was used up.
  drop(name: string): void {
    this.kept.delete(name);
  }

  close(): void {
    this.model.off("msg:custom", this.listener);
  }

  private receive(content: any, buffers: (DataView | ArrayBuffer)[]): void {
    const name = content?.have ?? content?.miss;
    if (typeof name !== "string") return;
    const [asked, ...later] = this.waiting.get(name) ?? [];
    if (!asked) return;
    this.waiting.set(name, later);
    if (later.length) this.model.send({ need: name });
    try {
      if (content.miss) throw new Error(content.why ?? `${name} is not there.`);
      const first = buffers[0]!;
      const bytes = first instanceof ArrayBuffer ? new Uint8Array(first) : new Uint8Array(first.buffer, first.byteOffset, first.byteLength);
      const pack = parsePack(bytes.slice().buffer);
      asked.take(pack);
    } catch (error) {
      asked.fail(error as Error);
    }
  }
}
