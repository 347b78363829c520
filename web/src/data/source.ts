// Where documents and packs come from: the server, or files beside the page that load without one.

export interface Source {
  readonly live: boolean;
  json(path: string): Promise<any>;
  pack(run: string, name: string): Promise<ArrayBuffer>;
  pictures(claim: string): Promise<string[]>;
  onChange(callback: (runs: Record<string, number>) => void): () => void;
}

export class ServerSource implements Source {
  readonly live = true;
  private readonly listeners = new Set<(runs: Record<string, number>) => void>();
  private events: EventSource | null = null;
  private known: Record<string, number> = {};

  async json(path: string): Promise<any> {
    return (await this.ask(`/api/${path}`)).json();
  }

  async pack(run: string, name: string): Promise<ArrayBuffer> {
    return (await this.ask(`/api/runs/${run}/${name}`)).arrayBuffer();
  }

  async pictures(claim: string): Promise<string[]> {
    const { pictures } = await this.json(`claims/${claim}/pictures`);
    return Array.from({ length: pictures }, (_, i) => `/api/claims/${claim}/pictures/${i}`);
  }

  // One stream for all who listen: a browser opens few connections to one server. Each is first told of all runs.
  onChange(callback: (runs: Record<string, number>) => void): () => void {
    this.listeners.add(callback);
    if (this.events) queueMicrotask(() => this.listeners.has(callback) && callback(this.known));
    else this.listen();
    return () => {
      this.listeners.delete(callback);
      if (this.listeners.size) return;
      this.events?.close();
      [this.events, this.known] = [null, {}];
    };
  }

  private listen(): void {
    this.events = new EventSource("/api/live");
    this.events.addEventListener("runs", (event) => {
      const { runs } = JSON.parse((event as MessageEvent).data);
      this.known = { ...this.known, ...runs };
      this.listeners.forEach((one) => one(runs));
    });
  }

  private async ask(path: string): Promise<Response> {
    const answer = await fetch(path, { credentials: "same-origin" });
    if (!answer.ok) throw new Error((await answer.text()) || `${path}: ${answer.status}`);
    return answer;
  }
}

// A page opened from a folder may not fetch, but it may load scripts: each file calls `latebloomTake(name, value)`.
export class FolderSource implements Source {
  readonly live = false;
  private readonly taken = new Map<string, unknown>();

  constructor() {
    (globalThis as any).latebloomTake = (name: string, value: unknown) => this.taken.set(name, value);
  }

  async json(path: string): Promise<any> {
    return this.load(path);
  }

  async pack(run: string, name: string): Promise<ArrayBuffer> {
    const { files } = (await this.load(`runs/${run}`)) as { files: Record<string, string> };
    const file = `packs/${files[name]}`;
    const text = (await this.load(file)) as string;
    this.taken.delete(file);
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(inflated).arrayBuffer();
  }

  async pictures(claim: string): Promise<string[]> {
    const { pictures } = (await this.load(`claims/${claim}`)) as { pictures: string[] };
    return pictures.map((name) => `pictures/${name}`);
  }

  onChange(): () => void {
    return () => {};
  }

  private async load(name: string): Promise<unknown> {
    if (!this.taken.has(name)) await loadScript(`data/${name}.js`);
    if (!this.taken.has(name)) throw new Error(`data/${name}.js is not part of this site.`);
    return this.taken.get(name);
  }
}

export function loadScript(address: string): Promise<void> {
  return new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => {
      script.remove();
      done();
    };
    script.onerror = () => fail(new Error(`${address} could not be loaded.`));
    document.head.append(script);
  });
}

export function chooseSource(): Source {
  const kind = document.querySelector<HTMLMetaElement>("meta[name=latebloom-source]")?.content;
  return kind === "folder" ? new FolderSource() : new ServerSource();
}
