// A piece of a line as legends show it: in its colour, width and dashes, so that lines of one colour can be told apart.
const SVG = "http://www.w3.org/2000/svg";
const LENGTH = 24; // CSS pixels: every pattern of dashes comes at least once

export function swatch(colour: string, dash: number[] = [], width = 3): SVGElement {
  const picture = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "line");
  const set = (element: Element, attributes: Record<string, string | number>) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, String(value)));
  set(picture, { class: "lb-swatch", width: LENGTH, height: 8, "aria-hidden": "true" });
  set(line, { x1: 0, x2: LENGTH, y1: 4, y2: 4, "stroke-width": width, "stroke-dasharray": dash.join(" ") });
  line.style.stroke = `var(${colour})`;
  picture.append(line);
  return picture;
}
