// The web page: one document, a router behind the #, pages that fill `main`.
import { chooseSource } from "./data/source";
import { add, alarm, clear, h } from "./draw/dom";
import { Closing } from "./host/closing";
import { claimPage } from "./pages/claim";
import { comparePage } from "./pages/compare";
import { explorablePage } from "./pages/explorable";
import { experimentsPage, homePage } from "./pages/home";
import { ledgerPage } from "./pages/ledger";
import type { Page, Lab } from "./pages/page";
import { runPage, runsPage } from "./pages/runs";

const PAGES: Record<string, { page: Page; title: string; inMenu?: boolean }> = {
  "": { page: homePage, title: "Studies", inMenu: true },
  explorable: { page: explorablePage, title: "Explorable", inMenu: true },
  experiments: { page: experimentsPage, title: "Experiments", inMenu: true },
  runs: { page: runsPage, title: "Runs", inMenu: true },
  ledger: { page: ledgerPage, title: "Ledger", inMenu: true },
  compare: { page: comparePage, title: "Compare", inMenu: true },
  run: { page: runPage, title: "Run" },
  claim: { page: claimPage, title: "Claim" },
};

const source = chooseSource();
const main = document.getElementById("main")!;
let closeNow: () => void = () => {};
let shown = 0;

// `moved`: the reader has gone to another page, and stands at its top from its first piece on. At its last one it would be
// too late: who has begun to scroll or to type by then would be taken away.
async function show(moved: boolean): Promise<void> {
  const turn = ++shown;
  closeNow();
  closeNow = () => {};
  const closing = new Closing();
  const content = h("div");
  try {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?") as [string, string?];
    const [name = "", ...words] = path.split("/").map(decodeURIComponent);
    const entry = PAGES[name];
    if (!entry) throw new Error(`There is no page "${name}".`);
    const lab: Lab = { source, index: await source.json("index"), query: new URLSearchParams(query ?? ""), words, onClose: (f) => closing.push(f) };
    if (turn !== shown) return;
    menu(name, lab);
    clear(main);
    add(main, content);
    if (moved) toTheTop();
    closeNow = () => closing.close();
    await entry.page(content, lab);
    if (turn !== shown) return; // the reader has gone on to another page
    document.title = `${main.querySelector("h1")?.textContent ?? entry.title} · Latebloom`;
  } catch (error) {
    if (turn !== shown) return;
    add(content, h("h1", {}, "This cannot be shown"), alarm((error as Error).message));
    if (content.isConnected) return;
    main.replaceChildren(content);
    if (moved) toTheTop();
  }
}

function toTheTop(): void {
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function menu(current: string, lab: Lab): void {
  const nav = document.querySelector("nav")!;
  nav.replaceChildren(
    ...Object.entries(PAGES)
      .filter(([, { inMenu }]) => inMenu)
      .map(([name, { title }]) => h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, title)),
  );
  document.querySelector(".lb-footer")!.textContent = `Latebloom ${lab.index.version}${source.live ? "" : " · a copy for reading, made by latebloom export"}`;
}

// What stands behind the # is a page here: the way past the menu is gone without it.
document.querySelector(".lb-skip")!.addEventListener("click", (event) => {
  event.preventDefault();
  main.scrollIntoView();
  main.focus();
});
addEventListener("hashchange", () => void show(true));
void show(false);
