// Colours from the style sheet, for canvases; light or dark as the host is, and read again when that changes.

export interface Theme {
  text: string;
  faint: string;
  line: string;
  ground: string;
  train: string;
  test: string;
  accent: string;
  cycle: string[];
  low: string;
  middle: string;
  high: string;
  font: string;
  of: (name: string) => string; // any colour of the style sheet, such as "--lb-train"
}

type Mode = "dark" | "light";

// What the host of a notebook says of itself; null: nothing, and the system decides. JupyterLab and Notebook tell by an
// attribute of the body, VS Code and marimo by classes; a light theme of high contrast also has the class of the dark one.
export function hostMode(body: Pick<HTMLElement, "dataset" | "classList">): Mode | null {
  const { jpThemeLight } = body.dataset;
  if (jpThemeLight) return jpThemeLight === "false" ? "dark" : "light";
  const is = (name: string) => body.classList.contains(name);
  if (is("vscode-light") || is("vscode-high-contrast-light")) return "light";
  if (is("vscode-dark") || is("vscode-high-contrast")) return "dark";
  return is("dark") ? "dark" : is("light") ? "light" : null;
}

const listeners = new Set<() => void>();
const dressed = new Set<HTMLElement>();
let watching = false;

const mark = (el: HTMLElement) => {
  const mode = hostMode(document.body);
  if (mode) el.dataset.mode = mode;
  else delete el.dataset.mode;
};

function watch(): void {
  if (watching) return;
  watching = true;
  let known = hostMode(document.body);
  const tell = () => listeners.forEach((one) => one());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  new MutationObserver(() => {
    if (hostMode(document.body) === known) return;
    known = hostMode(document.body);
    dressed.forEach(mark);
    tell();
  }).observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light"] });
}

// Puts an element into our clothes, light or dark as its host is. Returns how to stop following the host.
export function dress(el: HTMLElement): () => void {
  watch();
  el.classList.add("latebloom");
  dressed.add(el);
  mark(el);
  return () => dressed.delete(el);
}

export function onThemeChange(callback: () => void): () => void {
  watch();
  listeners.add(callback);
  return () => listeners.delete(callback);
}

export function themeOf(element: Element): Theme {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    text: read("--lb-text"),
    faint: read("--lb-faint"),
    line: read("--lb-line"),
    ground: read("--lb-ground"),
    train: read("--lb-train"),
    test: read("--lb-test"),
    accent: read("--lb-accent"),
    cycle: Array.from({ length: 8 }, (_, i) => read(`--lb-cycle-${i}`)),
    low: read("--lb-low"),
    middle: read("--lb-middle"),
    high: read("--lb-high"),
    font: style.fontFamily || "sans-serif",
    of: read,
  };
}

const ramps = new Map<string, Uint32Array>();

// 511 packed RGBA colours from low over middle to high, for ImageData.
export function ramp(theme: Theme): Uint32Array {
  const key = theme.low + theme.middle + theme.high;
  let colours = ramps.get(key);
  if (colours) return colours;
  const [low, middle, high] = [theme.low, theme.middle, theme.high].map(parse) as [number[], number[], number[]];
  colours = new Uint32Array(511);
  for (let i = 0; i < 511; i++) {
    const far = Math.abs(i - 255) / 255;
    const share = far ** 0.85; // small weights stay visible
    const end = i < 255 ? low : high;
    const [r, g, b] = [0, 1, 2].map((c) => Math.round(middle[c]! + share * (end[c]! - middle[c]!)));
    colours[i] = (255 << 24) | (b! << 16) | (g! << 8) | r!;
  }
  ramps.set(key, colours);
  return colours;
}

function parse(colour: string): number[] {
  const hex = colour.replace("#", "");
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
}
