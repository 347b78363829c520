"""The claim without a judge yet: pools of finitely many functions (26). Its rule is fixed now, before anybody looks."""

from latebloom.claims.registry import not_run
from latebloom.studies.model_selection.claims.words import FIXED

not_run(
    id="model_selection.26",
    title="Few training functions are memorised, many are regressed",
    statement="A network trained on a pool of M linear functions follows the exact posterior over the pool while M is "
    "small, and ridge regression once M is large.",
    source="Raventos, Paul, Chen & Ganguli 2023, arXiv:2306.15063",
    published="transition between 2^14 and 2^15 functions (8 layers, 128 wide), 2^11 and 2^12 (4 layers, 64 wide); "
    "d = 8, 16 pairs, noise variance 0.25",
    measure="mean squared difference over d, averaged over places, between network and posterior over the pool, and "
    "between network and ridge, on fresh functions; the M at which the second becomes the smaller",
    rule="the median crossing over seeds lies between 2^8 and 2^14 (4 layers, 64 wide)",
    control="the network before training must be near to neither",
    fixed=FIXED,
    tag="P",
    scale="paper",
    cost="7 sizes of pool, 5 seeds, 500,000 steps: days on one GPU",
    why="Needs a task that draws its functions from a pool of M; a shortened training moves the transition, so a "
    "laptop run would answer another question.",
)
