// What a network makes of a sentence at every step whose weights are here: the step that is shown first, then the others.
import source from "worker:./worker.ts";
import type { Packs } from "../../host/model";
import type { Asked, Read } from "./worker";

export class Reader {
  private readonly address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  private readonly worker = new Worker(this.address);
  private readonly loaded = new Set<number>();
  private count = 0;
  private take: ((read: Read | null) => void) | null = null;

  constructor(
    private readonly packs: Packs,
    private readonly member: number,
    readonly steps: number[], // whose weights can be had
  ) {
    this.worker.onmessage = ({ data }: MessageEvent<Read & { missing?: boolean }>) => this.take?.(data.missing ? null : data);
    this.worker.onerror = () => this.take?.(null);
  }

  // Reads at the steps in this order; a newer call ends an older one.
  async read(order: number[], asked: Omit<Asked, "id" | "step">, tell: (read: Read) => void): Promise<void> {
    const own = ++this.count;
    for (const step of order) {
      await this.load(step);
      if (own !== this.count) return;
      const found = await new Promise<Read | null>((take) => {
        this.take = take;
        this.worker.postMessage({ ask: { id: own, step, ...asked } });
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
    this.worker.terminate();
    URL.revokeObjectURL(this.address);
  }

  private async load(step: number): Promise<void> {
    if (this.loaded.has(step)) return;
    const name = `weights-${this.member}-${step}`;
    const pack = await this.packs.get(name);
    this.packs.drop(name);
    this.worker.postMessage({ pack });
    this.loaded.add(step);
    if (this.loaded.size > 11) this.loaded.delete(this.loaded.values().next().value!); // the worker keeps twelve
  }
}
