"""What the experiments share: sizes by scale, the network and the recipe.

At `paper`: 12 layers of width 256 with 8 heads, 500,000 steps of 64 prompts at a rate of 1e-4, and for linear functions
the curriculum, as Garg et al. 2022 (arXiv 2208.01066) print it; what Yadlowsky et al. 2023 (arXiv 2311.00871) used
beyond the network, a curriculum among it, is not known to us.
The smaller scales are ours: labels beside their inputs, coordinates that join one after the other, wider first weights
and orthogonalised momentum, which shorten the plateau; the notes of the study say what pilots showed.
"""

from dataclasses import dataclass
from typing import Any

from latebloom.models import Decoder
from latebloom.tasks import InContextFunctions
from latebloom.training.experiment import Experiment, Measure, Training
from latebloom.training.schedule import Schedule

NOISE = 0.01  # variance of the noise on labels: the exact optimum is then something a network can come near to


@dataclass(frozen=True)
class Size:
    """Inputs of `d` numbers, prompts of `points` pairs, a network, how long it is trained and on how large batches."""

    d: int
    nonzeros: int
    points: int
    layers: int
    width: int
    heads: int
    batch: int
    steps: int
    lr: float
    n_test: int = 512
    rung: int = 0  # steps from one coordinate of x to the next that joins; 0: all are there from the start

    def task(self, mixture: str, tests: str, **changes: Any) -> InContextFunctions:
        """Functions of this size."""
        own: dict[str, Any] = {
            "mixture": mixture,
            "tests": tests,
            "d": self.d,
            "nonzeros": self.nonzeros,
            "points": self.points,
            "layout": "garg" if self.published else "paired",
            "noise_variance": NOISE,
            "batch_size": self.batch,
            "n_test": self.n_test,
            "split_seed": 0,  # the same test prompts for everyone, so that members are compared on equal ones
        }
        if self.rung:
            own["curriculum"] = {"every": self.rung}  # pairs join too, as printed: 5 numbers and 11 pairs at first
            if not self.published:
                own["curriculum"] |= {"dims": self.nonzeros, "points": self.points}
        return InContextFunctions.parse(own | changes)

    def network(self) -> Decoder:
        """A pre-norm decoder with learned positions; see the module for its first weights."""
        settings = {"n_layers": self.layers, "d_model": self.width, "n_heads": self.heads, "act_fn": "gelu"}
        return Decoder.parse(settings | {"init": "gpt2" if self.published else "xavier"})

    def recipe(self) -> Training:
        """Squared error of every prefix; Adam at a constant rate as published, else Muon with a rate that falls."""
        own: dict[str, Any] = {"steps": self.steps, "loss": "squared_error", "lr": self.lr, "beta2": 0.999}
        if not self.published:
            own |= {"optimiser": "muon", "lr_rest": self.lr / 2, "momentum": 0.95}
            own |= {"clip": 1.0, "warmup": self.steps // 20, "decay": "cosine", "decay_to": 0.05}
        return Training.parse(own)

    @property
    def published(self) -> bool:
        """Whether this is the published network."""
        return self.layers == 12

    def experiment(self, name: str, mixture: str, tests: str, population: int = 8, **task: Any) -> Experiment:
        """One member; snapshots hold the untrained network, some of the way, and the end.

        `population` is chosen so that two cores have equal shares of the members.
        """
        return Experiment(
            name=f"model_selection.{name}",
            task=self.task(mixture, tests, **task),
            model=self.network(),
            training=self.recipe(),
            log=Schedule(every=max(self.steps // 80, 1)),
            snapshots=Schedule(every=max(self.steps // 4, 1)),
            measure=(Measure(name="model_selection.pairs", when=Schedule(every=max(self.steps // 10, 1))),),
            population=population,
        )


SEEDS = {"smoke": 2, "quick": 1, "laptop": 5, "paper": 5}
