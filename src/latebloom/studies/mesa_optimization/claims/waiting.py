"""Claims without a judge yet: partly seen systems, linearised layers, few shots, language (18, 25, 27, 28, 31).

Their rules are fixed now, before anybody looks; what each still needs is said in `why`.
"""

from typing import Any

from latebloom.claims.registry import not_run
from latebloom.studies.mesa_optimization.claims.networks import FIXED, PAPER

SOFTMAX = (
    "Needs an experiment of softmax layers on plain tokens: the decoder and the task can do it "
    "(positions=first_keys), the training is not within today's laptop budget."
)


def waiting(number: str, **words: Any) -> None:
    """Registers one of them."""
    defaults = {"scale": "laptop", "tag": "C", "why": SOFTMAX, "fixed": FIXED, "source": PAPER}
    words["source"] = f"{PAPER}, {words['source']}"
    not_run(id=f"mesa_optimization.{number}", **(defaults | words))


waiting(
    "18",
    title="Where little is seen the first layer binds more states",
    statement="In partly seen systems the horizon of the first layer's binding grows to four or five states.",
    source="appendix F.3, figures 16 and 22",
    published="error at distances 0 to 4: 0, 0.0001, 0.0008, 0.026, 0.549 (five of fifteen numbers seen)",
    measure="number of states in a row that are read with at most a tenth of their variance left; two of six numbers "
    "seen, 40 places",
    rule="median horizon over seeds at least 3 (the least that determines the system), and above that of fully seen "
    "systems",
    control="fully seen systems with the same network",
    cost="60 minutes on two cores",
)
waiting(
    "25",
    title="Later softmax layers are almost linear in wide systems",
    statement="Swapping a softmax layer for a fitted linear one costs little for layers after the first, and less in "
    "wide systems.",
    source="figure 5A; released results",
    published="loss ratio at 60 numbers: layer 1 3.56, others 1.03 to 1.15; at 4 numbers 2.07 and 1.12 to 1.58",
    measure="test loss with one layer replaced by its fitted linear copy, over the original; d = 4, 6, 10; three or "
    "four layers",
    rule="at the largest d the median ratio of every layer after the first is at most 1.25 and that of the first at "
    "least 1.5; and the mean over later layers falls from the smallest to the largest d",
    control="a linear layer fitted to shuffled outputs must cost more than twice",
    cost="60 minutes on two cores",
)
waiting(
    "27",
    title="Trained to continue, it regresses from examples",
    statement="A network trained on dynamics alone does few-shot regression, with an early rise of the loss from "
    "spurious pairs; a learned separator and a prefix help.",
    source="figure 8A; released results",
    published="softmax, after 0, 3, 10, 67 pairs: 1.685, 1.803, 1.410, 0.765; with separator and prefix 1.792, 1.607, "
    "0.943, 0.553; least squares with spurious pairs 1.645, 1.915, 1.318, 0.525",
    measure="label loss by number of pairs, without training on such data; least squares on all consecutive pairs and "
    "on the true ones beside it",
    rule="medians over seeds: the loss rises above its first value before it falls; with separator and prefix the "
    "last loss is at least 10 % lower; least squares shows the rise with spurious pairs and not with the true ones "
    "alone",
    control="an untrained network must not fall below its first value",
    cost="60 minutes on two cores",
    why="Needs a network trained on sequences of 80 places, and separator and prefix trained on top of frozen "
    "weights; the prompts exist (latebloom.tasks.few_shot).",
)
waiting(
    "28",
    title="It learns a second task in the same context",
    statement="After a switch of the task within a sequence the loss jumps and falls again, slower than the first "
    "time.",
    source="figures 8B and 18B; released results",
    published="softmax, before the switch, after it, at the end: 1.02, 2.32, 0.97; least squares 0.83, 2.27, 0.89",
    measure="label loss before, just after and long after the switch, the network of claim 27",
    rule="medians over seeds: after the switch above 1.5 times the loss before; at the end below 0.6 times the loss "
    "after the switch",
    control="an untrained network must fail the second",
    cost="none beyond claim 27",
    why="Needs claim 27's network.",
)
waiting(
    "31",
    title="In language models the mesa layer beats linear attention",
    statement="With a softmax first layer, replacing linear attention by mesa layers lowers the perplexity, close to "
    "softmax.",
    source="appendix G, figures 26 to 28",
    published="orderings only: softmax at or below mesa, mesa below linear",
    measure="characters of one book, two layers without MLP, the first softmax, the second of each kind; normalised "
    "queries and keys",
    rule="the median paired difference of test losses has an interval below 0 for mesa minus linear, and at or above "
    "0 for mesa minus softmax",
    tag="P",
    cost="60 minutes on two cores",
    why="Needs a language task of characters and an hour of training; the published size (300 billion tokens) is out "
    "of reach.",
)
