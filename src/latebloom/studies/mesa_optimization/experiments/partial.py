"""Systems of which little is seen: several states must be bound before one knows where the system is.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), appendix F.3, figures 16 and 22: fifteen numbers of which five
are seen. At laptop two of six, 40 places; the same network on fully seen systems of two numbers is the comparison.
"""

from latebloom.studies.mesa_optimization.experiments.deep import SEEDS
from latebloom.studies.mesa_optimization.experiments.plain import network, trained
from latebloom.studies.mesa_optimization.experiments.sizes import SOFTMAX, Attention, Size
from latebloom.training.presets import Preset, preset

SEEN = {  # numbers seen, places, sequences of a batch and of the test split
    "smoke": Size(d=2, length=8, batch=16, n_test=64),
    "quick": Size(d=2, length=20, batch=32, n_test=1024),
    "laptop": Size(d=2, length=40, batch=32, n_test=2048),
    "paper": Size(d=5, length=50),
}
HIDDEN = {"smoke": 4, "quick": 6, "laptop": 6, "paper": 15}
WIDTH = {"smoke": 8, "quick": 24, "laptop": 24, "paper": 40}  # of the residual stream; heads have half of it
LAYERS: dict[str, tuple[Attention, ...]] = {
    "smoke": ("softmax", "mesa"),
    "quick": ("softmax", "mesa"),
    "laptop": ("softmax", "mesa"),
    "paper": (SOFTMAX,) * 7,
}
# The loss rests at 0.31 for some hundred steps before it falls to 0.19: in pilots until step 550 to 950, and after 900
# steps of a shorter schedule three of five networks had not left.
STEPS = {"smoke": 20, "quick": 200, "laptop": 2400, "paper": 20_000}
RATE = {"smoke": 4e-3, "quick": 4e-3, "laptop": 4e-3, "paper": 4e-4}


def partial(scale: str, name: str, hidden: int | None) -> Preset:
    """Networks on systems of `hidden` numbers, or on systems that are seen as they are."""
    size, width = SEEN[scale], WIDTH[scale]
    clip = None if scale == "paper" else 1.0  # the release clips the streams of hybrids
    model = network(size, LAYERS[scale], d_model=width, d_head=width // 2, resid_clip=clip)
    experiment = trained(name, size.task("plain", n_hidden=hidden), model, STEPS[scale], RATE[scale])
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("mesa_optimization.partial")
def partly_seen(scale: str) -> Preset:
    """Systems of which a third of the numbers is seen."""
    return partial(scale, "partial", HIDDEN[scale])


@preset("mesa_optimization.partial_seen")
def fully_seen(scale: str) -> Preset:
    """The same network where all is seen."""
    return partial(scale, "partial_seen", None)
