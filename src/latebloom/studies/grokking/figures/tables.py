"""Reading a member's network for pictures: the additive network's tables, wherever they were kept."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.instruments.fourier import fourier_transform
from latebloom.instruments.neurons import PAGE_THRESHOLD, NeuronGroups, group_neurons, sorted_order
from latebloom.models import MLP, ModularMLP
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Experiment

GROUPS = 6  # frequencies with a picture of their own


@dataclass(frozen=True)
class Tables:
    """logits(a, b) = act(first[a] + second[b] + bias) @ out.T + out_bias at one step; a row of a table is a residue."""

    step: int
    first: Float[Tensor, "p neuron"]
    second: Float[Tensor, "p neuron"]
    out: Float[Tensor, "p neuron"]
    bias: Float[Tensor, " neuron"] | None
    activation: str
    out_bias: Float[Tensor, " p"] | None = None

    @property
    def p(self) -> int:
        """The modulus."""
        return self.first.shape[0]

    def groups(self) -> NeuronGroups:
        """Neurons by frequency of the input table; counted are those above the page's threshold.

        Written-down solutions are smaller than trained ones, so that the threshold is at most a quarter of the largest.
        """
        coefficients = fourier_transform(self.first)
        largest = float(coefficients[1:].abs().amax())
        return group_neurons(coefficients, "pair_norm", min(PAGE_THRESHOLD, largest / 4))

    def main_frequencies(self) -> list[int]:
        """Frequencies with counted neurons, in order; if more than six, those with most energy."""
        groups, energy = self.groups(), fourier_transform(self.first).square()[1:].sum(0)
        present = (groups.present.nonzero()[:, 0] + 1).tolist()
        weight = {k: float(energy[groups.live & (groups.frequency == k)].sum()) for k in present}
        return sorted(sorted(present, key=lambda k: -weight[k])[:GROUPS])

    def members_of(self, frequency: int) -> Tensor:
        """Counted neurons of a frequency in order of their input phase."""
        groups = self.groups()
        order = sorted_order(groups)
        return order[(groups.live & (groups.frequency == frequency))[order]]


def has_tables(member: Experiment) -> bool:
    """Whether the network is one hidden layer over two residues that enter as symbols."""
    if not isinstance(member.task, ModularArithmetic):
        return False
    model = member.model
    if isinstance(model, MLP):
        return model.layers == 1 and model.encoding == "onehot" and model.activation in ("relu", "square")
    return isinstance(model, ModularMLP)


def read_tables(run: Run, logged: Logged, member: int, step: int | None = None) -> Tables:
    """A member's tables at a kept step, by default its last."""
    specification = logged.specifications[member]
    steps = run.snapshot_steps(member)
    at = steps[-1] if step is None else step
    params = {name: value[None].double() for name, value in run.parameters(member, at).items()}
    model = specification.model
    bias: Tensor | None
    out_bias = params["b_out"][0] if "b_out" in params else None
    if isinstance(model, ModularMLP):
        inputs = model.in_tables(params)
        first, second, out = inputs[0][0], inputs[-1][0], model.out_table(params)[0].T
        bias, activation = params["b_in"][0] if model.bias else None, str(model.activation)
    else:
        p = specification.task.signature.d_vocab
        first, second, out = params["W_0"][0, :p], params["W_0"][0, p:], params["W_out"][0].T
        bias, activation = params["b_0"][0] if "b_0" in params else None, str(getattr(model, "activation", "relu"))
    return Tables(at, first.contiguous(), second.contiguous(), out.contiguous(), bias, activation, out_bias)


def memorised_step(run: Run, logged: Logged, member: int) -> int:
    """A kept step at which the training rows were fitted and the test rows not; else the first after the start."""
    steps = run.snapshot_steps(member)
    logs, train = logged.table("train_accuracy", [member])
    _, test = logged.table("test_accuracy", [member])
    for step in steps:
        now = logs == step
        if (train[0, now] >= 0.99).any() and (test[0, now] < 0.5).any():
            return step
    return steps[1] if len(steps) > 2 else steps[0]


def rows_of(table: Float[Tensor, "p neuron"], order: Tensor) -> Float[Tensor, "neuron p"]:
    """A table as the page draws it: a neuron a row, sorted."""
    return torch.index_select(table, 1, order).T
