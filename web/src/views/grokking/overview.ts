// A part of the explorable that tells of all members of a run, and is told anew when the run has moved on.
import type { Curves } from "../../data/curves";
import type { Pack } from "../../data/safetensors";

export interface Overview {
  el: HTMLElement; // hidden until it is first told of something
  renew(pack: Pack, curves: Curves): Promise<void>;
  close(): void;
}
