// The step of a section: a slider for the keyboard, a button that plays, and the words for the ear.
import { shownSteps } from "./axes";
import { button, h, slider } from "./dom";
import type { Shared } from "./store";

export interface Player {
  el: HTMLElement;
  play(from: number, to: number, seconds?: number): void;
  stop(): void;
  scrub(step: number): void;
  setLast(step: number): void;
}

export function player<State extends { step: number }>(store: Shared<State>, last: number): Player {
  let running = 0;
  let end = last;
  const set = (step: number) => store.set({ step: Math.round(step) } as Partial<State>);
  const scrub = (step: number) => {
    stop();
    set(step);
  };
  const control = slider({
    label: "Step",
    min: 0,
    max: last,
    step: strideOf(last),
    value: store.state.step,
    shown: shownSteps,
    change: (place) => scrub(stepAt(place, end)),
    wide: true,
  });
  const start = button("▶ play", () => (running ? stop() : play(store.state.step >= end ? 0 : store.state.step, end)), {
    class: "lb-play",
    "aria-label": "Play the training",
  });
  const stop = () => {
    cancelAnimationFrame(running);
    running = 0;
    start.textContent = "▶ play";
    start.setAttribute("aria-label", "Play the training");
  };
  const play = (from: number, to: number, seconds = 6) => {
    stop();
    start.textContent = "⏸ stop";
    start.setAttribute("aria-label", "Stop");
    const begun = performance.now();
    const tick = (now: number) => {
      const share = Math.min(1, Math.max(0, (now - begun) / (1000 * seconds)));
      set(from + share * (to - from));
      if (share < 1) running = requestAnimationFrame(tick);
      else stop();
    };
    running = requestAnimationFrame(tick);
  };
  store.on(["step"], () => control.set(store.state.step));
  return {
    el: h("div", { class: "lb-player" }, start, control.el),
    play,
    stop,
    scrub,
    setLast(step: number) {
      end = step;
      control.input.max = String(step);
      control.input.step = String(strideOf(step));
    },
  };
}

// A slider stands at multiples of its stride alone: what lies within one of the end is the end.
export function stepAt(place: number, last: number): number {
  return place + strideOf(last) > last ? last : place;
}

function strideOf(last: number): number {
  return Math.max(1, Math.round(last / 1000));
}
