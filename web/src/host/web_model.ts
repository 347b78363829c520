// A model for a view in the web page: traits in memory, packs from the server or the folder.
import type { Source } from "../data/source";
import type { Model } from "./model";

type Callback = (...args: any[]) => void;

export class WebModel implements Model {
  private readonly callbacks = new Map<string, Set<Callback>>();
  private readonly changed = new Set<string>();

  constructor(
    private readonly source: Source,
    private readonly state: Record<string, unknown>,
  ) {}

  get(name: string): any {
    return this.state[name];
  }

  set(name: string, value: unknown): void {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.changed.add(name);
    this.tell(`change:${name}`);
  }

  on(event: string, callback: Callback): void {
    if (!this.callbacks.has(event)) this.callbacks.set(event, new Set());
    this.callbacks.get(event)!.add(callback);
  }

  off(event: string, callback?: Callback): void {
    if (callback) this.callbacks.get(event)?.delete(callback);
    else this.callbacks.delete(event);
  }

  save_changes(): void {
    if (this.changed.size) this.tell("saved");
    this.changed.clear();
  }

  send(content: any): void {
    const name = content?.need;
    if (typeof name !== "string") return;
    const run = (this.state.document as { id?: string } | undefined)?.id;
    this.source.pack(run ?? "", name).then(
      (buffer) => this.tell("msg:custom", { have: name }, [new DataView(buffer)]),
      (error: Error) => this.tell("msg:custom", { miss: name, why: error.message }, []),
    );
  }

  private tell(event: string, ...args: unknown[]): void {
    [...(this.callbacks.get(event) ?? [])].forEach((callback) => callback(...args));
  }
}
