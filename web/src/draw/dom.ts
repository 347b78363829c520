// Making elements. Styles are set through classes or the CSSOM: the server's policy allows no inline style text.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: any) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key === "value" && "value" in element) (element as any).value = String(value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  add(element, ...children);
  return element;
}

export function add(element: Element, ...children: (Child | Child[])[]): void {
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) element.append(child);
}

export function clear(element: Element): void {
  element.replaceChildren();
}

// What could not be done, and why; it is read aloud when it comes.
export function alarm(text = ""): HTMLElement {
  return h("p", { class: "lb-error", role: "alert" }, text);
}

// A titled part of a view, with a note under the title where there is something to say.
export function section(title: string, note: string, ...children: (Child | Child[])[]): HTMLElement {
  return h("section", { class: "lb-section" }, h("h3", {}, title), note && h("p", { class: "lb-note" }, note), ...children);
}

// Every view is a bundle with a copy of this file, and a page may hold several: they count together.
const shared = globalThis as { latebloomIds?: number };

export function uniqueId(stem: string): string {
  return `lb-${stem}-${(shared.latebloomIds = (shared.latebloomIds ?? 0) + 1)}`;
}

export interface Slider {
  el: HTMLElement;
  input: HTMLInputElement;
  set(value: number): void;
}

// A labelled slider. `shown` turns its place into what people read, on screen and by ear.
export function slider(options: {
  label: string;
  min: number;
  max: number;
  step?: number;
  value: number;
  shown?: (value: number) => string;
  change: (value: number) => void;
  wide?: boolean;
}): Slider {
  const id = uniqueId("slider");
  const shown = options.shown ?? String;
  const output = h("output", { for: id, class: "lb-value" });
  const input = h("input", { id, type: "range", min: options.min, max: options.max, step: options.step ?? 1 });
  const tell = (value: number) => {
    output.textContent = shown(value);
    input.setAttribute("aria-valuetext", shown(value));
  };
  input.value = String(options.value);
  tell(options.value);
  input.addEventListener("input", () => {
    tell(input.valueAsNumber);
    options.change(input.valueAsNumber);
  });
  const el = h(
    "div",
    { class: options.wide ? "lb-slider lb-wide" : "lb-slider" },
    h("label", { for: id }, options.label),
    input,
    output,
  );
  return {
    el,
    input,
    set(value: number) {
      if (input.valueAsNumber !== value) input.value = String(value);
      tell(value);
    },
  };
}

export function select(
  label: string,
  choices: [value: string, text: string][],
  value: string,
  change: (value: string) => void,
): HTMLElement {
  const id = uniqueId("select");
  const element = h("select", { id }, ...choices.map(([v, text]) => h("option", { value: v }, text)));
  element.value = value;
  element.addEventListener("change", () => change(element.value));
  return h("div", { class: "lb-field" }, h("label", { for: id }, label), element);
}

// Other choices for a `select` that is on the page; those that stay are not touched, so that an open list stays open.
export function offer(field: HTMLElement, choices: [value: string, text: string][], value: string): void {
  const list = field.querySelector("select")!;
  choices.forEach(([own, text], i) => {
    const option = list.options[i] ?? list.appendChild(h("option"));
    if (option.value !== own) option.value = own;
    if (option.text !== text) option.text = text;
  });
  list.options.length = choices.length;
  list.value = value;
}

export function numberBox(
  label: string,
  options: { min: number; max: number; step?: number | "any"; value: number; change: (value: number) => void },
): HTMLElement {
  const id = uniqueId("number");
  const input = h("input", {
    id,
    type: "number",
    min: options.min,
    max: options.max,
    step: options.step ?? 1,
    value: options.value,
  });
  input.addEventListener("change", () => {
    const asked = input.valueAsNumber;
    const value = options.step === undefined ? Math.round(asked) : asked;
    const fits = Number.isFinite(value) && value >= options.min && value <= options.max;
    input.setCustomValidity(fits ? "" : `${label}: ${options.min} to ${options.max}`);
    input.reportValidity();
    if (!fits) return;
    if (value !== asked) input.value = String(value); // the box says what is taken
    options.change(value);
  });
  return h("div", { class: "lb-field" }, h("label", { for: id }, label), input);
}

export function button(text: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick: click, ...attributes }, text);
}
