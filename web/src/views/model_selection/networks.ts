// The networks behind a worker: the latest question is answered, those before it that still wait are dropped.
import source from "worker:./worker.ts";
import type { Pack } from "../../data/safetensors";
import { thread, type Thread } from "../../host/thread";
import type { Order, Told } from "./worker";

type Ask = NonNullable<Order["ask"]>;

export class Networks {
  private readonly thread: Thread;
  private busy = false;
  private next: Ask | null = null;

  constructor(tell: (network: number, curve: Float64Array) => void, rest: () => void, fail: (why: string) => void) {
    const take = (told: Told & { done?: boolean }) => {
      if (!told.done) return tell(told.network, told.curve);
      this.goOn();
      if (!this.busy) rest();
    };
    this.thread = thread(source, take, (why) => {
      fail(why);
      this.goOn();
    });
  }

  add(pack: Pack): void {
    this.thread.post({ pack });
  }

  ask(asked: Ask): void {
    if (this.busy) this.next = asked;
    else this.send(asked);
  }

  close(): void {
    this.thread.close();
  }

  private goOn(): void {
    this.busy = false;
    if (this.next) this.send(this.next);
  }

  private send(asked: Ask): void {
    this.busy = true;
    this.next = null;
    this.thread.post({ ask: asked });
  }
}
