"""Few-shot prompts put to trained networks: plain, with a learned separator, with a prefix in front; references."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.ridge import ridge
from latebloom.instruments.prompt_tuning import Prompt, filled, label_loss, learned
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.claims.networks import PENALTY, Network
from latebloom.tasks.few_shot import Prompts, few_shot_prompts

TASKS = 2048  # prompts that a network is tested on
PIECE = 256  # of them at a time
BATCH = 32  # prompts of a tuning step
TUNING = {"smoke": 2, "quick": 100, "laptop": 400, "paper": 5000}  # steps
RATE = {"smoke": 0.02, "quick": 0.02, "laptop": 0.02, "paper": 1e-3}

Curves = Float[np.ndarray, "network pair"]  # label loss by pairs shown before


@dataclass(frozen=True)
class Layout:
    """How pairs are written: with a separator after each or not, behind so many prefix places, a second task or not."""

    pairs: int
    separator: bool = False
    prefix: int = 0
    switch_after: int | None = None

    @classmethod
    def for_length(cls, length: int, separator: bool = False, prefix: bool = False) -> "Layout":
        """As many pairs as fit; the prefix takes a share of an eleventh (20 of 224 places, as published)."""
        front = length // 11 if prefix else 0
        return cls((length - front) // (3 if separator else 2), separator, front)

    def drawn(self, noise: np.random.Generator, batch: int, d: int) -> Prompts:
        """Prompts of this layout."""
        return few_shot_prompts(
            noise, batch, self.pairs, d, separator=self.separator, prefix=self.prefix, switch_after=self.switch_after
        )


@dataclass(frozen=True, eq=False)
class Asked:
    """Networks side by side, as they were at a step; each gets prompts of its own, a function of its seed."""

    nets: list[Network]
    step: int | None = None  # None: the last

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Parameters [member, ...] in float32, as they were trained."""
        own = [net.run.parameters(net.member, self.step) for net in self.nets]
        return {name: torch.stack([weights[name].float() for weights in own]) for name in own[0]}

    @property
    def d(self) -> int:
        """Numbers of a token."""
        return self.nets[0].task.n_seen

    def says(self, tokens: Float[Tensor, "member batch pos d"]) -> Float[Tensor, "member batch pos d"]:
        """Outputs at every place."""
        return self.nets[0].model.forward(self.weights, tokens)

    def prompts(self, layout: Layout, purpose: str, count: int, step: int = 0) -> list[Prompts]:
        """`count` prompts for each network."""
        return [
            layout.drawn(stream(net.specification.seed, "few shot", purpose, step), count, self.d) for net in self.nets
        ]

    def losses(self, layout: Layout, separator: Tensor | None = None, prefix: Tensor | None = None) -> Curves:
        """Label loss on the test prompts, with these vectors [member, slot, d] in their places."""
        made = self.prompts(layout, "test", TASKS)
        prompt = stacked(made)
        total = torch.zeros(len(self.nets), layout.pairs)
        with torch.no_grad():
            for piece in torch.arange(TASKS).split(PIECE):
                part = Prompt(prompt.tokens[:, piece], prompt.query, prompt.answers[:, piece])
                tokens = put(put(part.tokens, made[0].separator, separator), made[0].prefix, prefix)
                total += label_loss(self.says(tokens), part) * len(piece) / TASKS
        return total.numpy()

    def tuned(self, layout: Layout, scale: str, separator: Tensor | None = None) -> Tensor:
        """The separator learned for this layout, or, where one is given, the prefix before it: [member, slot, d]."""
        one = layout.drawn(stream(0, "places"), 1, self.d)
        places = torch.from_numpy(one.separator if separator is None else one.prefix)
        count = 1 if separator is None else len(places)
        start = torch.stack(
            [
                torch.from_numpy(
                    stream(net.specification.seed, "few shot vectors", count).standard_normal((count, self.d))
                )
                for net in self.nets
            ]
        ).float()
        purpose = "separator" if separator is None else "prefix"

        def draw(step: int) -> Prompt:
            prompt = stacked(self.prompts(layout, purpose, BATCH, step))
            return prompt._replace(tokens=put(prompt.tokens, one.separator, separator))

        return learned(self.says, draw, places, start, TUNING[scale], RATE[scale])


def put(tokens: Tensor, places: np.ndarray, vectors: Tensor | None) -> Tensor:
    """Vectors at their places, where there are any."""
    return tokens if vectors is None else filled(tokens, torch.from_numpy(places), vectors)


def stacked(made: list[Prompts]) -> Prompt:
    """Prompts of several networks as tensors [member, batch, ...]."""
    tokens = torch.from_numpy(np.stack([one.tokens for one in made])).float()
    answers = torch.from_numpy(np.stack([one.answers for one in made])).float()
    return Prompt(tokens, torch.from_numpy(made[0].query), answers)


def least_squares(asked: Asked, layout: Layout, spurious: bool) -> Curves:
    """Ridge regression on the test prompts: on all neighbouring tokens, half of which are no pairs, or on true pairs.

    With spurious pairs it is what the network was trained to do (the source's control); on true pairs what it should.
    """
    rows = []
    for one in asked.prompts(layout, "test", TASKS):
        x, y = torch.from_numpy(one.inputs.copy()), torch.from_numpy(one.answers.copy())
        if spurious:
            tokens = torch.from_numpy(one.tokens)
            said = ridge(tokens, tokens.roll(-1, 1), PENALTY)[:, one.query]
        else:
            said = ridge(x, y, PENALTY)
        rows.append(((said - y).square().sum(-1).mean(0) / 2).numpy())
    return np.stack(rows)
