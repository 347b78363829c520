"""A task and a measure of one's own, in one file: which of two numbers is larger, and how far off the errors are.

Parts register themselves under their names. After that they are settings like any other: they are hashed, can be
overridden and swept, resume exactly, and turn up in the data frame.

Called with words this is the command line, which then knows the parts of this file:

    python own_task_and_measure.py run own.larger model.d_mlp=16,32 seed=0:5
    python own_task_and_measure.py show own.larger --fields
"""

import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

import latebloom
from latebloom import cli
from latebloom.data import Data, Place, Signature
from latebloom.models import ModularMLP
from latebloom.randomness import stream
from latebloom.tasks import TASKS, Task
from latebloom.tasks.rows import to_batch
from latebloom.training.experiment import Experiment, Measure, Training
from latebloom.training.measures import measure
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule
from latebloom.training.view import View


@TASKS.register("own.larger")
class Larger(Task):
    """Name the larger of two numbers below n; half of the table is for training."""

    kind: Literal["own.larger"] = "own.larger"
    n: int = 12

    @property
    def signature(self) -> Signature:
        """Two symbols in, n logits out."""
        return Signature(n_inputs=2, n_outputs=self.n, d_vocab=self.n)

    def answer(self, inputs: Tensor) -> Tensor:
        """The exact answer."""
        return inputs.amax(-1)

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Splits `train` and `test`, each member by its own seed; randomness only through `stream`."""
        table = np.stack(np.divmod(np.arange(self.n**2), self.n), axis=1)
        orders = np.stack([stream(seed, "split").permutation(len(table)) for seed in seeds])
        splits = {}
        for name, rows in (("train", orders[:, : len(table) // 2]), ("test", orders[:, len(table) // 2 :])):
            inputs = table[rows]  # [member, row, 2]
            labels = self.answer(torch.from_numpy(inputs)).numpy()
            splits[name] = to_batch(inputs, labels, np.ones(rows.shape), place)
        return Data(splits)


@measure("own.distance")
def distance(view: View) -> dict[str, Tensor]:
    """How far, in units of the numbers, the answers to test rows are off: one value a member."""
    test = view.splits["test"]
    off = (view.logits("test").argmax(-1) - test.targets).abs().to(test.weight.dtype)
    return {"distance": test.mean(off)}


@preset("own.larger")
def larger(scale: str) -> Preset:
    """The larger of two numbers, over three seeds and two learning rates."""
    experiment = Experiment(
        name="own.larger",
        task=Larger(),
        model=ModularMLP(d_mlp=32, d_embed=16),
        training=Training(steps=500, weight_decay=0.1),
        log=Schedule(every=50),
        measure=(Measure(name="own.distance"),),
    )
    return Preset(experiment, {"training.lr": (1e-3, 1e-2), "seed": range(3)})


def main() -> None:
    run = latebloom.run("own.larger", scale="quick")
    last = run.measurements().groupby(["lr", "seed"]).last()
    print(last[["train_accuracy", "test_accuracy", "distance"]])

    network = latebloom.network(run, member=0)
    assert int(network.task.answer(torch.tensor([3, 7]))) == 7
    fast = last.loc[1e-2]
    assert (fast["train_accuracy"] == 1).all() and (fast["test_accuracy"] > 2 / 12).all()
    assert (fast["distance"] < 12 / 3).all()  # two numbers drawn at random differ by a third of the range


if __name__ == "__main__":  # members of several shapes train in worker processes, which read this file again
    if sys.argv[1:]:
        sys.exit(cli.main())
    main()
