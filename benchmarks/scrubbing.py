"""Frames a second while a run of 500 snapshots is scrubbed in Chromium: every linked picture redrawn each frame.

`python -m benchmarks.scrubbing`; needs Chromium and the built views. Not a row of the table of ratios: a display has
its own clock, and what counts is whether a frame is ever missed.
"""

import argparse
import tempfile
from pathlib import Path

import latebloom
from latebloom.errors import LatebloomError
from latebloom.view.assets import built
from latebloom.view.lab import Lab
from tests.view.browsing import chromium, launched, served

SECONDS = 5
SCRUB = """async seconds => {
    const slider = document.querySelector('.lb-player input');
    const work = [], gaps = [];
    let last = performance.now();
    const end = last + 1000 * seconds;
    for (let step = 0; performance.now() < end; step = (step + 1) % 500) {
        slider.value = String(step);
        slider.dispatchEvent(new Event('input'));
        const begun = await new Promise(requestAnimationFrame);
        const now = performance.now();
        work.push(now - begun);
        gaps.push(begun - last);
        last = begun;
    }
    gaps.shift();
    const sorted = values => [...values].sort((a, b) => a - b);
    const share = (values, q) => sorted(values)[Math.floor(q * (values.length - 1))];
    return {frames: gaps.length, middle: share(gaps, 0.5), slow: share(gaps, 0.95),
        work: share(work, 0.5), most: share(work, 0.95),
        late: gaps.filter(gap => gap > 25).length};
}"""


def main() -> None:
    """Makes the run, opens it, scrubs, prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=1200)
    width = parser.parse_args().width
    if chromium() is None:
        raise LatebloomError("This benchmark needs Chromium: apt-get install chromium, or set $CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder:
        settings = ("seed=0", "training.steps=499", "snapshots.every=1", "log.every=1")
        run = latebloom.run("grokking.modular_addition", *settings, scale="smoke", home=folder, workers=1)
        with served(Lab(Path(folder), Path(folder) / "ledger"), built()) as address, launched() as browser:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(f"{address}?token=a-token")
            page.goto(f"{address}#/run/{run.hash}")
            page.wait_for_selector(".lb-heat", timeout=60_000)
            page.wait_for_timeout(1000)
            found = page.evaluate(SCRUB, SECONDS)
    print(
        f"scrubbing 500 snapshots at {width} px: {1000 / found['middle']:.0f} frames a second (median), "
        f"{found['late']} of {found['frames']} late; own work a frame {found['work']:.1f} ms (median), "
        f"{found['most']:.1f} ms (95 %), of 16.7"
    )


if __name__ == "__main__":
    main()
