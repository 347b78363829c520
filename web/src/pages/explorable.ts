// The grokking explorable as one page: each chapter on the run of this home that suits it best, and what runs by itself.
import { add, alarm, h, select } from "../draw/dom";
import { Closing } from "../host/closing";
import { openView } from "../host/open_view";
import { follow } from "./follow";
import { command, type Lab } from "./page";

interface Chapter {
  title: string;
  text: string;
  experiments: string[];
  command: string;
}

const CHAPTERS: Chapter[] = [
  {
    title: "Memorise, then generalise",
    text: "A small network learns to add modulo a number. It soon knows every pair it was trained on, and far later every other pair. Scrub the curves and watch the weights turn into waves.",
    experiments: ["modular_addition", "modular_addition_plain_loss", "modular_addition_perturbed", "data_size", "square_mlp", "complexity_one_layer"],
    command: "latebloom run grokking.modular_addition --scale quick training.lr=1e-2 training.steps=5000",
  },
  {
    title: "Ones and zeros",
    text: "The parity of the first three of thirty bits. While the network memorises, all bits have weight; then the distractors vanish.",
    experiments: ["parity", "parity_l2", "parity_merrill", "parity_float64"],
    command: "latebloom run grokking.parity --scale quick",
  },
  {
    title: "When does it happen?",
    text: "Many networks over width, rows and weight decay. Where the loss thresholds lie decides what a run is called; times of events are a second opinion.",
    experiments: ["parity_sweep", "architectures", "weight_decay", "data_size"],
    command: "latebloom run grokking.parity_sweep --scale quick",
  },
  {
    title: "Five neurons",
    text: "Given a circle of inputs that cannot change, five neurons suffice. They are too few to memorise, so train and test rise together; their directions open into a pentagon.",
    experiments: ["five_neurons"],
    command: "latebloom run grokking.five_neurons --scale quick",
  },
  {
    title: "The other way round",
    text: "Very small networks can generalise first and memorise later.",
    experiments: ["reverse"],
    command: "latebloom run grokking.reverse --scale quick",
  },
  {
    title: "Lost and regained",
    text: "With more rows and a little decay a small network generalises, memorises, and generalises again. It takes tens of thousands of steps (scale laptop follows that long), and not every seed does it.",
    experiments: ["regained"],
    command: "latebloom run grokking.regained --scale quick",
  },
];

export async function explorablePage(content: HTMLElement, lab: Lab): Promise<void> {
  const contents = h("nav", { class: "lb-tabs", "aria-label": "Chapters" });
  add(content, h("h1", {}, "From memorising to generalising"), h("p", { class: "lb-lead" }, "Everything here is drawn from runs in this home or computed in this page; nothing is a stored picture."), contents);
  // At once: chapters that open on the way there would push the goal ahead of a slow scroll.
  const jump = (title: string, el: HTMLElement) => {
    contents.append(h("button", { type: "button", onclick: () => el.scrollIntoView() }, title));
  };
  for (const chapter of CHAPTERS) {
    const el = chapterOf(chapter, lab);
    jump(chapter.title, el);
    add(content, el);
  }
  for (const [name, title, text] of [
    ["constructed", "Solutions written down", "One circle, read in a few directions, adds modulo p without any training. Change the modulus and the number of neurons and see where it breaks."],
    ["train", "Train one here", "The same kind of network learns in this page, in a worker, with this page's own arithmetic. No server is asked."],
  ] as const) {
    const place = h("div");
    const el = h("section", { class: "lb-chapter" }, h("h2", {}, title), h("p", {}, text), place);
    jump(title, el);
    add(content, el);
    whenSeen(el, lab, async () => {
      const opened = await openView(name, lab.source, place, {});
      lab.onClose(() => opened.close());
    });
  }
}

function chapterOf(chapter: Chapter, lab: Lab): HTMLElement {
  const runs = (lab.index.runs as any[])
    .filter((run) => run.study === "grokking" && chapter.experiments.includes(run.experiment.split(".")[1]))
    .sort((a, b) => rank(chapter, a) - rank(chapter, b) || scale(b) - scale(a) || b.steps - a.steps || b.stamp - a.stamp);
  const el = h("section", { class: "lb-chapter" }, h("h2", {}, chapter.title), h("p", {}, chapter.text));
  if (!runs.length) {
    add(el, h("p", {}, "No run for this chapter is here yet. This makes one:"), command(chapter.command));
    return el;
  }
  const place = h("div");
  let shown = new Closing();
  const open = async (id: string) => {
    shown.close();
    const own = (shown = new Closing());
    const box = h("div");
    place.replaceChildren(box);
    try {
      const run = await lab.source.json(`runs/${id}`);
      const opened = await openView("grokking", lab.source, box, { document: run });
      own.push(opened.close, follow(lab, run, opened));
    } catch (error) {
      // In its own box: where another run was chosen meanwhile, nobody sees it.
      box.replaceChildren(alarm(`This run cannot be shown: ${(error as Error).message}`));
    }
  };
  lab.onClose(() => shown.close());
  if (runs.length > 1) add(el, h("div", { class: "lb-controls" }, select("Run", runs.map((run): [string, string] => [run.id, run.label]), runs[0].id, (id) => void open(id))));
  add(el, place);
  whenSeen(el, lab, () => open(runs[0].id));
  return el;
}

function rank(chapter: Chapter, run: any): number {
  return chapter.experiments.indexOf(run.experiment.split(".")[1]);
}

function scale(run: any): number {
  return ["smoke", "quick", "laptop", "paper"].indexOf(run.scale);
}

// Opens a chapter when it comes near the screen: what is not looked at is not read.
function whenSeen(el: HTMLElement, lab: Lab, open: () => Promise<void>): void {
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      open().catch((error: Error) => add(el, alarm(error.message)));
    },
    { rootMargin: "300px" },
  );
  watcher.observe(el);
  lab.onClose(() => watcher.disconnect());
}
