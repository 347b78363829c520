// Light or dark as the host says; where it says nothing, the system decides.
import { expect, test } from "vitest";
import { hostMode } from "../src/draw/theme";

const body = (classes: string[], dataset: Record<string, string> = {}) =>
  ({ dataset, classList: { contains: (name: string) => classes.includes(name) } }) as unknown as HTMLElement;

test.each([
  ["JupyterLab's light theme", [], { jpThemeLight: "true" }, "light"],
  ["JupyterLab's dark theme", [], { jpThemeLight: "false" }, "dark"],
  ["JupyterLab's word before that of a class", ["dark"], { jpThemeLight: "true" }, "light"],
  ["VS Code, light", ["vscode-light"], {}, "light"],
  ["VS Code, dark", ["vscode-dark"], {}, "dark"],
  ["VS Code, dark of high contrast", ["vscode-high-contrast"], {}, "dark"],
  ["VS Code, light of high contrast", ["vscode-high-contrast-light", "vscode-high-contrast"], {}, "light"],
  ["marimo, dark", ["dark", "dark-theme"], {}, "dark"],
  ["marimo, light", ["light", "light-theme"], {}, "light"],
  ["a page that says nothing", ["latebloom", "lb-page"], {}, null],
])("%s", (_, classes, dataset, mode) => {
  expect(hostMode(body(classes, dataset as Record<string, string>))).toBe(mode);
});
