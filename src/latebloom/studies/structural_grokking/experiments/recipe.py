"""The network and the recipe all experiments share, by scale.

`paper` is the released code of Murty et al. 2023 (arXiv 2305.18741), which differs from its appendix B: 8 heads, not 4;
an output matrix of its own; gradients clipped at norm 1, not 10; linear decay to zero over all steps. The smaller
scales keep every choice but the sizes: width 128, 4 heads, a learning rate ten times larger, and steps and warm-up
divided by 25 and 7. Pilots found that this shows the phenomenon on one core.
"""

from typing import Any

from latebloom.models import Decoder
from latebloom.training.experiment import Training
from latebloom.training.schedule import Schedule

SEEDS = {"smoke": 2, "quick": 3, "laptop": 5, "paper": 10}
STEPS = {"smoke": 30, "quick": 2000, "laptop": 12_000, "paper": 300_000}
WARM_UP = {"smoke": 5, "quick": 1500, "laptop": 1500, "paper": 10_000}
DECAYED = {"quick": 12_000}  # quick is the beginning of laptop: saturation, the dip, the first rise
RATE = {"smoke": 3e-3, "quick": 1e-3, "laptop": 1e-3, "paper": 1e-4}
WIDTH = {"smoke": 16, "quick": 128, "laptop": 128, "paper": 512}
# At width 128 and ten times the published rate, deep networks do not learn their task from the published first weights:
# questions with ten layers, tenses with six.
DEPTHS_INIT = {"laptop": "xavier_joint"}
HEADS = {"smoke": 2, "quick": 4, "laptop": 4, "paper": 8}
ADAM: dict[str, Any] = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "weight_decay": 0.0}
CORPUS = {"smoke": {"n_train": 300, "n_val": 60, "n_test": 20, "n_gen": 40}}  # elsewhere the published sizes

# Fewer rows than the measures of the study use: every log passes these through the network in full length.
FIT_ROWS = {"smoke": 12, "quick": 24, "laptop": 24, "paper": 200}


def network(scale: str, n_layers: int = 6, **changes: Any) -> Decoder:
    """The released network: LayerNorm after each sum, sinusoids, scaled embeddings, ReLU, Xavier, dropout."""
    settings: dict[str, Any] = {
        "n_layers": min(n_layers, 2) if scale == "smoke" else n_layers,
        "d_model": WIDTH[scale],
        "n_heads": HEADS[scale],
        "norm": "post",
        "positions": "sinusoidal",
        "embed_scale": True,
        "bias": "mlp",
        "init": "xavier",
        "act_fn": "relu",
        "dropout": 0.1,
    }
    return Decoder.parse(settings | changes)


def recipe(scale: str, steps: int | None = None, **changes: Any) -> Training:
    """Adam without decay, linear warm-up, linear decay to zero at the last step, clip 1."""
    settings: dict[str, Any] = {
        "steps": STEPS[scale] if steps is None or scale == "smoke" else steps,
        "lr": RATE[scale],
        "warmup": WARM_UP[scale],
        "decay": "linear",
        "decay_steps": DECAYED.get(scale),
        "clip": 1.0,
    }
    return Training.parse(settings | ADAM | changes)


def rows(scale: str, **changes: Any) -> dict[str, Any]:
    """Settings of a source-to-target task: sizes of the corpus, rows to evaluate on, batches of similar length.

    Batches are bucketed at the small scales, where a quarter of the step would go into padding; at `paper` they are
    padded to their longest row, as published.
    """
    corpus = CORPUS.get(scale, {})
    return {"n_eval": FIT_ROWS[scale], "bucketed": scale != "paper"} | corpus | changes


# All measuring together takes less than a tenth of the time of training; benchmarks/structural.py tells how much.


def often(scale: str) -> Schedule:
    """Accuracies: every 250 of 12,000 steps, every 3,000 of 300,000 as published."""
    return Schedule(every={"smoke": 10, "quick": 100, "laptop": 250, "paper": 3000}[scale])


def now_and_then(scale: str) -> Schedule:
    """Losses, and accuracies that read whole sentences."""
    return Schedule(every={"smoke": 10, "quick": 200, "laptop": 500, "paper": 3000}[scale])


def seldom(scale: str) -> Schedule:
    """Trees, patterns and generated sentences."""
    return Schedule(every={"smoke": 15, "quick": 1000, "laptop": 1500, "paper": 6000}[scale])


def kept(scale: str) -> Schedule:
    """Parameters, for pictures of one sentence at several steps."""
    return Schedule(every={"smoke": 15, "quick": 1000, "laptop": 3000, "paper": 30_000}[scale])
