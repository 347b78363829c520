// Puts a new element in an old one's place once its pictures are drawn: nothing flickers, nothing jumps, a control that
// is held is not taken from the hand, and the focus stays where it was.

const FRAMES = 4; // sizes are told in the first, what is on the screen in the second, then canvases draw

export async function swap(old: HTMLElement, fresh: HTMLElement): Promise<void> {
  if (!old.isConnected || !old.childElementCount) {
    old.replaceWith(fresh);
    return;
  }
  fresh.style.width = `${old.clientWidth}px`;
  fresh.classList.add("lb-coming");
  old.before(fresh);
  for (let frame = 0; frame < FRAMES || old.matches(":active"); frame++) await new Promise(requestAnimationFrame);
  const again = focusIn(old, fresh);
  old.remove();
  fresh.classList.remove("lb-coming");
  fresh.style.width = "";
  again?.focus({ preventScroll: true });
}

// The same at once, for what needs no drawing: a table in its place, scrolled as it was.
export function renew(place: HTMLElement, fresh: HTMLElement): void {
  const old = place.firstElementChild as HTMLElement | null;
  const [again, left] = [old && focusIn(old, fresh), old?.scrollLeft ?? 0];
  place.replaceChildren(fresh);
  fresh.scrollLeft = left;
  again?.focus({ preventScroll: true });
}

export interface Part {
  el: HTMLElement;
  close(): void;
}

// A place whose part is drawn whole, again and again: the part before stays until the next is drawn.
export function replaced(first: HTMLElement): { el(): HTMLElement; show(part: Part): Promise<void>; close(): void } {
  let now: Part = { el: first, close: () => {} };
  let closed = false;
  let turn: Promise<void> = Promise.resolve();
  const put = async (part: Part) => {
    const before = now;
    now = part;
    if (closed) return part.close();
    await swap(before.el, part.el);
    before.close();
  };
  return {
    el: () => now.el,
    show: (part) => (turn = turn.then(() => put(part))),
    close() {
      closed = true;
      now.close();
    },
  };
}

// What a reader has set in labelled controls is set in those of the same label, as if they had done it again.
export function carry(old: HTMLElement, fresh: HTMLElement): void {
  const before = controlsOf(old);
  for (const [label, control] of controlsOf(fresh)) {
    const was = before.get(label);
    if (!was || was.value === control.value && (was as HTMLInputElement).checked === (control as HTMLInputElement).checked) continue;
    control.value = was.value;
    if ("checked" in control) control.checked = (was as HTMLInputElement).checked;
    control.dispatchEvent(new Event("input"));
    control.dispatchEvent(new Event("change"));
  }
}

type Control = HTMLInputElement | HTMLSelectElement;

// By label and count: two of one label are told apart by their order.
function controlsOf(el: HTMLElement): Map<string, Control> {
  const found = new Map<string, Control>();
  for (const control of el.querySelectorAll<Control>("input, select")) {
    if (control.closest(".lb-player")) continue; // who stands at the end of a run that moves on goes along
    // `labels` knows none while an element is in no page; a number in a label is a value that changes.
    const place = control.closest("label") ?? el.querySelector(`label[for="${CSS.escape(control.id)}"]`);
    const label = [...(place?.childNodes ?? [])].map((node) => ((node as Element).classList?.contains("lb-number") ? "" : node.textContent)).join("");
    let count = 0;
    while (found.has(`${label} ${count}`)) count++;
    found.set(`${label} ${count}`, control);
  }
  return found;
}

// The element of the new part that stands where the focus is in the old one: of the same key, else at the same place.
function focusIn(old: HTMLElement, fresh: HTMLElement): HTMLElement | null {
  const root = old.getRootNode() as Document | ShadowRoot;
  const held = root.activeElement as HTMLElement | null;
  if (!held || !old.contains(held)) return null;
  const { key } = held.dataset;
  if (key !== undefined) return fresh.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const place = [...old.querySelectorAll(held.tagName)].indexOf(held);
  return (fresh.querySelectorAll(held.tagName)[place] as HTMLElement | undefined) ?? null;
}
