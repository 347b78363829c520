// What a network makes of a sentence at every step whose weights are here: the step that is shown first, then the others.
import source from "worker:./worker.ts";
import type { Packs } from "../../host/model";
import { thread, type Thread } from "../../host/thread";
import type { Asked, Read } from "./worker";

export class Reader {
  private readonly thread: Thread;
  private readonly loaded = new Set<number>();
  private count = 0;
  private take: ((read: Read | null) => void) | null = null;
  private fail: ((error: Error) => void) | null = null;
  private broken: Error | null = null;

  constructor(
    private readonly packs: Packs,
    private readonly member: number,
    readonly steps: number[], // whose weights can be had
  ) {
    // An answer to an older call says nothing about what is asked now.
    const take = (told: Read & { missing?: boolean }) => told.id === this.count && this.take?.(told.missing ? null : told);
    this.thread = thread(source, take, (why) => this.fail?.((this.broken = new Error(why))));
  }

  // Reads at the steps in this order; a newer call ends an older one. Fails where the weights or the worker do; of one
  // that was ended nobody hears.
  async read(order: number[], asked: Omit<Asked, "id" | "step">, tell: (read: Read) => void): Promise<void> {
    const own = ++this.count;
    try {
      await this.readAll(own, order, asked, tell);
    } catch (error) {
      if (own === this.count) throw error;
    }
  }

  private async readAll(own: number, order: number[], asked: Omit<Asked, "id" | "step">, tell: (read: Read) => void): Promise<void> {
    for (const step of order) {
      await this.load(step);
      if (own !== this.count) return;
      if (this.broken) throw this.broken;
      const found = await new Promise<Read | null>((take, fail) => {
        [this.take, this.fail] = [take, fail];
        this.thread.post({ ask: { id: own, step, ...asked } });
      });
      if (own !== this.count) return;
      if (found) tell(found);
      else this.loaded.delete(step);
    }
  }

  stop(): void {
    this.count++;
  }

  close(): void {
    this.stop();
    this.thread.close();
  }

  private async load(step: number): Promise<void> {
    if (this.loaded.has(step)) return;
    const name = `weights-${this.member}-${step}`;
    const pack = await this.packs.get(name);
    this.packs.drop(name);
    this.thread.post({ pack });
    this.loaded.add(step);
    if (this.loaded.size > 11) this.loaded.delete(this.loaded.values().next().value!); // the worker keeps twelve
  }
}
