// The networks behind a worker: the latest question is answered, those before it that still wait are dropped.
import source from "worker:./worker.ts";
import type { Pack } from "../../data/safetensors";
import type { Order, Told } from "./worker";

type Ask = NonNullable<Order["ask"]>;

export class Networks {
  private readonly address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  private readonly worker = new Worker(this.address);
  private busy = false;
  private next: Ask | null = null;
  private count = 0;

  constructor(tell: (network: number, curve: Float64Array) => void, rest: () => void, fail: (why: string) => void) {
    this.worker.onerror = (event) => fail(event.message);
    this.worker.onmessage = ({ data }: MessageEvent<Told & { done?: boolean }>) => {
      if (!data.done) return tell(data.network, data.curve);
      this.busy = false;
      if (this.next) this.send(this.next);
      else rest();
    };
  }

  add(pack: Pack): void {
    this.worker.postMessage({ pack });
  }

  ask(asked: Omit<Ask, "id">): void {
    const own = { ...asked, id: ++this.count };
    if (this.busy) this.next = own;
    else this.send(own);
  }

  close(): void {
    this.worker.terminate();
    URL.revokeObjectURL(this.address);
  }

  private send(asked: Ask): void {
    this.busy = true;
    this.next = null;
    this.worker.postMessage({ ask: asked });
  }
}
