// A worker from its own text: pages opened from a folder, and notebooks, have no address to load one from. A host may
// refuse workers (its content policy allows none); then `fail` is told instead of silence.

export interface Thread {
  post(message: unknown): void;
  close(): void;
}

export function thread<Told>(source: string, take: (told: Told) => void, fail: (why: string) => void): Thread {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  let worker: Worker | null = null;
  try {
    worker = new Worker(address);
    worker.onmessage = ({ data }: MessageEvent<Told>) => take(data);
    worker.onerror = (event) => fail(event.message || REFUSED);
  } catch {
    setTimeout(() => fail(REFUSED));
  }
  return {
    post: (message) => worker?.postMessage(message),
    close() {
      worker?.terminate();
      URL.revokeObjectURL(address);
    },
  };
}

const REFUSED = "the page it stands in allows no workers.";
