// Which pictures are on the screen: those that are not wait with their drawing until they are.

const seen = new WeakMap<Element, { on: boolean; due: boolean; draw: () => void }>();
let observer: IntersectionObserver | null = null;

export function watch(el: Element, draw: () => void): void {
  observer ??= new IntersectionObserver(
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
  seen.set(el, { on: false, due: true, draw });
  observer.observe(el);
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
