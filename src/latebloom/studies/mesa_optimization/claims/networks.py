"""What the judges of this study ask of a run: trained networks, their test sequences, references on the same ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines import descent
from latebloom.baselines.pairs import loss_by_place
from latebloom.baselines.ridge import ridge
from latebloom.claims import Change, NothingToJudge, Readable, counted
from latebloom.instruments import compressed
from latebloom.instruments.linear_attention import Products, run
from latebloom.models import Decoder, Parameters, run_with_cache
from latebloom.randomness import stream
from latebloom.runs.run import Run
from latebloom.studies.mesa_optimization.measures.main import layer_products
from latebloom.tasks import LinearDynamics
from latebloom.training.experiment import Experiment

PAPER = "von Oswald et al. 2023, arXiv:2309.05858 v2"
FIXED = "2026-11-25"
PENALTY = 1e-3  # of the source's ridge controls
FITTED_ON = 1024  # sequences on which references choose their numbers; never those of a test split

Places = Float[np.ndarray, " pos"]


def at_published_size(before: str, more: str = "") -> Change:
    """What is told of a claim that was judged on smaller systems first: the verdict it had, and what else changed."""
    return Change(
        "2026-12-01",
        f"Laptop has the published size, 10 numbers and 50 places in batches of 64, in place of 5 numbers and 25 "
        f"places{more}. The rule is as it was. Before: {before}.",
    )


def with_norm_clipped(jumped: str) -> str:
    """What else changed for stacks of linear layers, and how they were judged at first, when most trainings jumped."""
    return (
        "; stacks of linear layers have a rate of 2e-3 and gradients whose norm is kept below 0.3, by the loss of "
        "pilots of other seeds. At a rate of 1e-3 with elements clipped at 1, as released, the loss of most stacks of "
        f"six layers jumped up at that size and did not come back; judged so on the same day: {jumped}"
    )


@dataclass(frozen=True, eq=False)
class Network:
    """One trained member with its test sequences. Everything is computed in float64."""

    run: Run
    member: int
    few: int | None = None  # test sequences that are asked; None: all

    @cached_property
    def specification(self) -> Experiment:
        """Its resolved settings."""
        return Experiment.parse(self.run.specification(self.member))

    @property
    def seed(self) -> int:
        """Its training seed."""
        return self.specification.seed

    @property
    def task(self) -> LinearDynamics:
        """What it was trained on."""
        return cast(LinearDynamics, self.specification.task)

    @property
    def model(self) -> Decoder:
        """Its settings as a network."""
        return cast(Decoder, self.specification.model)

    @property
    def steps(self) -> list[int]:
        """Steps at which its weights were kept."""
        return self.run.snapshot_steps(self.member)

    @cached_property
    def test(self) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens [batch, pos, d_token], states [batch, pos, d] and next states of its test split."""
        rows = rows_of(self.task, self.task.test_sequences(self.specification.seed))
        return rows[0][: self.few], rows[1][: self.few], rows[2][: self.few]

    @cached_property
    def other(self) -> tuple[Tensor, Tensor, Tensor]:
        """The same for other sequences, on which references choose their numbers."""
        noise = stream(self.specification.seed, "references")
        return rows_of(self.task, self.task.sequences(noise, FITTED_ON))

    def parameters(self, step: int | None = None) -> Parameters:
        """Weights at a kept step, by default the last, without member axis."""
        return {name: value.double() for name, value in self.run.parameters(self.member, step).items()}

    def layers(self, step: int | None = None) -> list[Products]:
        """The products of every layer; of linear layers they are all that acts."""
        params = self.parameters(step)
        return [layer_products(params, layer) for layer in range(self.model.n_layers)]

    def outputs(self, step: int | None = None, tokens: Tensor | None = None) -> Tensor:
        """What it says at every place of its test sequences, or of others."""
        own = {name: value[None] for name, value in self.parameters(step).items()}
        with torch.no_grad():
            return self.model.forward(own, (self.test[0] if tokens is None else tokens)[None])[0]

    def activations(
        self, step: int | None = None, tokens: Tensor | None = None, params: Parameters | None = None
    ) -> dict[str, Tensor]:
        """What every hook point sees on its test sequences, or others; `params` instead of its own weights."""
        own = {name: value[None] for name, value in (params or self.parameters(step)).items()}
        with torch.no_grad():
            _, cache = run_with_cache(self.model, own, (self.test[0] if tokens is None else tokens)[None])
        return {name: value[0] for name, value in cache.items()}

    def streams(
        self, step: int | None = None, tokens: Tensor | None = None, params: Parameters | None = None
    ) -> list[Tensor]:
        """The residual stream before the first layer and after each."""
        seen = self.activations(step, tokens, params)
        after = [seen[f"blocks.{layer}.hook_resid_post"] for layer in range(self.model.n_layers)]
        return [seen["blocks.0.hook_resid_pre"], *after]

    def loss(self, step: int | None = None) -> float:
        """Test loss at a kept step: half the squared error summed over outputs, mean over places and sequences."""
        return half_error(self.outputs(step), self.test[2])

    def loss_of(self, layers: list[Products]) -> float:
        """Test loss with other products in the place of its own; clipped as it is."""
        out = run(layers, self.test[0], self.model.resid_clip)[-1][..., : self.task.n_seen]
        return half_error(out, self.test[2])


def of_linear_systems(own: Experiment) -> bool:
    """Whether it is a decoder on linear systems, fully or partly seen: the references are made for these."""
    return isinstance(own.task, LinearDynamics) and isinstance(own.model, Decoder)


def sees_all(own: Experiment) -> bool:
    """Whether the whole state of its systems is seen, which pictures of channels, depth and compression need."""
    return of_linear_systems(own) and cast(LinearDynamics, own.task).n_hidden is None


def on_channels(own: Experiment) -> bool:
    """Whether the network works on the theory's channels of such a system."""
    return sees_all(own) and cast(Decoder, own.model).read_out == "channels"


def networks(run: Readable) -> list[Network]:
    """Every member of a run that did not diverge; where nobody is left, `NothingToJudge`."""
    members = run.members()
    left = _networks(run, members["member"][~members["diverged"].astype(bool)])
    if not left:
        raise NothingToJudge(f"No member of run {run.hash} reached its end.")
    return left


def _networks(run: Readable, members: Iterable[int]) -> list[Network]:
    return [Network(cast(Run, run), int(member)) for member in members]


def by_seed(run: Readable) -> list[Network]:
    """The same in the order of their seeds."""
    return sorted(networks(run), key=lambda network: network.seed)


def depths(run: Readable) -> list[int]:
    """The numbers of layers that a run was asked for, also of members that diverged, in order."""
    return sorted({network.model.n_layers for network in _networks(run, run.members()["member"])})


def of_depth(run: Readable, depth: int) -> list[Network]:
    """The members with so many layers that did not diverge, by seed; where nobody is left, `NothingToJudge`."""
    left = [network for network in by_seed(run) if network.model.n_layers == depth]
    if not left:
        raise NothingToJudge(f"No member of run {run.hash} with {counted(depth, 'layer')} reached its end.")
    return left


def by_depth(run: Readable) -> dict[int, list[Network]]:
    """The members by their number of layers, shallowest first; see `of_depth`."""
    return {depth: of_depth(run, depth) for depth in depths(run)}


def shallowest_and_deepest(run: Readable) -> tuple[list[Network], list[Network]]:
    """The members with the fewest and with the most layers; see `of_depth`."""
    return of_depth(run, depths(run)[0]), deepest(run)


def deepest(run: Readable) -> list[Network]:
    """The members with the most layers; see `of_depth`."""
    return of_depth(run, depths(run)[-1])


def half_error(outputs: Tensor, targets: Tensor) -> float:
    """Half the squared error summed over outputs, mean over places and sequences."""
    return float(loss_by_place(outputs, targets).mean())


def losses(nets: list[Network], outputs: list[Tensor]) -> Float[np.ndarray, " network"]:
    """Test losses of predictions for each network's sequences."""
    return np.array([half_error(said, net.test[2]) for net, said in zip(nets, outputs, strict=True)])


def rows_of(task: LinearDynamics, made: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences as a network gets them: tokens [batch, pos, d_token], states [batch, pos, d] and next states."""
    tokens, targets, _ = task.rows(made)
    return torch.from_numpy(tokens.copy()), torch.from_numpy(made.seen[:, :-1].copy()), torch.from_numpy(targets.copy())


# --- references on a network's own test sequences ---------------------------------------------------------------------


def one_step_rate(network: Network) -> float:
    """The rate of one gradient step from 0 with the least loss, found on other sequences."""
    return float(descent.best_rate(*network.other[1:]))


def one_step(network: Network) -> Tensor:
    """GD-1: one gradient step from Phi_0 = 0 at the best rate."""
    return descent.one_step(*network.test[1:], one_step_rate(network))


def one_step_losses(nets: list[Network]) -> Float[np.ndarray, " network"]:
    """Test losses of GD-1, clipped as each network's stream is."""
    return losses(nets, [bounded(net, one_step(net)) for net in nets])


def formula(network: Network) -> Tensor:
    """The best that one layer of block-scalar weights can do: eight coefficients (twelve numbers), fitted elsewhere."""
    table = compressed.fit_one_layer(*network.other[1:])
    return compressed.one_layer(network.test[1], table)


def ridge_of(network: Network, lagged: bool = False) -> Tensor:
    """Ridge regression on all visible pairs; `lagged` leaves out the newest, as the released control does."""
    return ridge(*network.test[1:], penalty=PENALTY, lagged=lagged)


def bounded(network: Network, outputs: Tensor) -> Tensor:
    """Predictions clipped as the network's stream is, so that a bound the source's references lack decides nothing."""
    clip = network.model.resid_clip
    return outputs if clip is None else outputs.clamp(-clip, clip)


def zero(network: Network) -> Tensor:
    """Says nothing."""
    return torch.zeros_like(network.test[2])


def by_place(network: Network, outputs: Tensor) -> Places:
    """Test loss at each place."""
    return loss_by_place(outputs, network.test[2]).numpy()


def curves_of(rows: dict[str, list[Places]]) -> dict[str, dict[str, float]]:
    """Median over networks of the loss after each number of states seen, by that and predictor, for pictures."""
    middle = {name: np.median(np.stack(values), 0) for name, values in rows.items()}
    count = len(next(iter(middle.values())))
    return {str(place + 1): {name: float(values[place]) for name, values in middle.items()} for place in range(count)}
