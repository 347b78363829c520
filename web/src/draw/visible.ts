// Which pictures are on the screen: those that are not wait with their drawing until they are, or until they are printed.

const seen = new Map<Element, { on: boolean; due: boolean; draw: () => void }>();
let observer: IntersectionObserver | null = null;

// `draw` draws at once, as printing asks.
export function watch(el: Element, draw: () => void): void {
  observer ??= begin();
  seen.set(el, { on: false, due: true, draw });
  observer.observe(el);
}

function begin(): IntersectionObserver {
  addEventListener("beforeprint", () => {
    for (const state of seen.values()) {
      const on = state.on;
      state.on = true;
      if (state.due) state.draw();
      state.on = on;
    }
  });
  return new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const state = seen.get(target);
        if (!state) continue;
        state.on = isIntersecting;
        if (isIntersecting && state.due) state.draw();
      }
    },
    { rootMargin: "60px" },
  );
}

export function unwatch(el: Element): void {
  observer?.unobserve(el);
  seen.delete(el);
}

// Whether to draw now; if not, it is remembered that drawing is due.
export function mayDraw(el: Element): boolean {
  const state = seen.get(el);
  if (!state) return true;
  state.due = !state.on;
  return state.on;
}
