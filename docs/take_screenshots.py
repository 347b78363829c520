"""Takes the pictures of docs/views from runs of a home: `LATEBLOOM_HOME=... python docs/take_screenshots.py`.

Needs Chromium, and runs of modular_addition, parity, parity_sweep, five_neurons, reverse, regained,
future_tokens.text, mesa_optimization.one_layer, structural_grokking.question, model_selection.testbed (with its
specialists) and model_selection.linear at scale quick (text: laptop, where its arms differ). With names of pictures
behind it, only these are taken.
"""

import io
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from latebloom.runs.home import home  # noqa: E402
from latebloom.view.assets import built  # noqa: E402
from latebloom.view.lab import Lab  # noqa: E402
from tests.view.browsing import launched, served  # noqa: E402

LINKED = ".lb-view > div > div > .lb-section:nth-of-type"
PARTS = ".lb-view > .lb-section:nth-of-type"
TALL = ("mesa_blend", "mesa_weights", "points", "sentence", "learning")  # more stands below what stays in sight
OUT = ROOT / "docs" / "_static" / "views"
TRAIN = """async () => {
    const chapter = [...document.querySelectorAll('.lb-chapter')].at(-1);
    [...chapter.querySelectorAll('button')].find(b => b.textContent === 'Train').click();
}"""


def pictures(lab: Lab) -> list[tuple[str, str, str, float]]:
    """Name, address, what is brought to the top, and seconds to wait."""
    ranked = sorted(lab.runs().values(), key=lambda run: (run.scale == "quick", len(run.members())))
    best = {run.experiment.split(".")[1]: run.hash for run in ranked}
    return [
        ("future_places", f"run/{best.get('text')}/future_tokens", ".lb-view", 1),
        ("future_text", f"run/{best.get('text')}/future_tokens", ".lb-section:last-of-type", 1),
        ("mesa_blend", f"run/{best.get('one_layer')}/mesa_optimization?share=0.5", f"{LINKED}(1)", 1),
        ("mesa_weights", f"run/{best.get('one_layer')}/mesa_optimization", f"{LINKED}(2)", 1),
        ("learning", f"run/{best.get('question')}/structural_grokking", f"{PARTS}(1)", 2),
        ("sentence", f"run/{best.get('question')}/structural_grokking", f"{PARTS}(2)", 8),
        ("points", f"run/{best.get('testbed')}/model_selection", ".lb-playground", 5),
        ("pairs", f"run/{best.get('linear')}/model_selection", f"{PARTS}(1)", 10),
        ("studies", "", "body", 0),
        ("ledger", "ledger?study=grokking", "body", 0),
        ("claim", "claim/grokking.14", "body", 1),
        ("modular", f"run/{best.get('modular_addition')}/grokking", ".lb-sticky", 1),
        ("stars", f"run/{best.get('modular_addition')}/grokking", ".lb-section:nth-of-type(4)", 1),
        ("parity", f"run/{best.get('parity')}/grokking", ".lb-sticky", 1),
        ("outcomes", f"run/{best.get('parity_sweep')}/grokking", ".lb-view > .lb-section", 1),
        ("curves", f"run/{best.get('parity_sweep')}/curves", ".lb-view", 1),
        ("compare", f"compare?runs={best.get('reverse')},{best.get('regained')}", "body", 1),
        ("constructed", "explorable", ".lb-chapter:nth-last-of-type(2)", 2),
        ("train", "explorable", ".lb-chapter:last-of-type", 25),
    ]


def main() -> None:
    """Writes every picture with a palette, so that it stays small."""
    OUT.mkdir(parents=True, exist_ok=True)
    lab = Lab(home(), ROOT / "ledger")
    with served(lab, built()) as address, launched() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 760})
        page.goto(f"{address}?token=a-token")
        page.wait_for_selector("h1", timeout=120_000)
        for name, place, top, seconds in pictures(lab):
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            page.set_viewport_size({"width": 1100, "height": 1080 if name in TALL else 760})
            page.goto("about:blank")
            page.goto(f"{address}#/{place}")
            page.wait_for_selector(top, timeout=120_000)
            page.wait_for_timeout(2500)
            if name == "train":
                page.locator(top).scroll_into_view_if_needed()
                page.wait_for_timeout(1500)
                page.evaluate(TRAIN)
            for _ in range(3):  # chapters that open on the way push the goal ahead
                page.evaluate("top => document.querySelector(top).scrollIntoView()", top)
                page.wait_for_timeout(700)
            page.wait_for_timeout(1000 * seconds)
            page.evaluate("top => document.querySelector(top).scrollIntoView()", top)
            page.wait_for_timeout(500)
            with Image.open(io.BytesIO(page.screenshot())) as picture:
                # Lines are few pixels: a palette by what is common would lose their colours.
                small = picture.convert("RGB").quantize(250, Image.Quantize.MAXCOVERAGE, kmeans=1)
                small.save(OUT / f"{name}.png", optimize=True)
            print(name, (OUT / f"{name}.png").stat().st_size)


if __name__ == "__main__":
    main()
