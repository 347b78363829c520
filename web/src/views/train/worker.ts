// Trains in its own thread and tells the page about it; between pieces of work it listens.
import { initial, Network, split, type Rows, type Settings } from "../../math/train";

export interface Told {
  step: number;
  train: { loss: number; accuracy: number };
  test: { loss: number; accuracy: number };
  first: Float32Array;
  out: Float32Array;
  perSecond: number;
}

type Order = { begin: Settings; steps: number; every: number } | { go: boolean };

let network: Network | null = null;
let rows: { train: Rows; test: Rows } | null = null;
let running = false;
let turn = 0;
let until = 0;
let every = 100;

const post = postMessage as (message: unknown, transfer?: Transferable[]) => void;

function tell(perSecond: number): void {
  const first = network!.first.slice();
  const out = network!.out.slice();
  const told: Told = { step: network!.step, train: network!.evaluate(rows!.train), test: network!.evaluate(rows!.test), first, out, perSecond };
  post(told, [first.buffer, out.buffer]);
}

function work(own: number): void {
  if (own !== turn || !running) return;
  const begun = performance.now();
  const from = network!.step;
  while (network!.step < until && (network!.step - from < every || (network!.step % every && performance.now() - begun < 500))) network!.train(rows!.train);
  tell((1000 * (network!.step - from)) / (performance.now() - begun));
  if (network!.step >= until) {
    running = false;
    post({ done: true });
    return;
  }
  setTimeout(() => work(own), 0);
}

onmessage = ({ data }: MessageEvent<Order>) => {
  if ("begin" in data) {
    network = new Network(data.begin, initial(data.begin));
    rows = split(data.begin.p, data.begin.fraction, data.begin.seed);
    [until, every, running] = [data.steps, data.every, true];
    tell(0);
  } else running = data.go;
  turn++;
  if (running) setTimeout(work, 0, turn);
};
