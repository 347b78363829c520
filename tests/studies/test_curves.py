"""Curves by member: what is not there is answered with what is."""

from dataclasses import dataclass

import pandas as pd
import pytest

from latebloom.errors import LatebloomError
from latebloom.studies.curves import curves


@dataclass
class Measured:
    """Two members in two arms, logged twice."""

    hash: str = "aa11"

    def measurements(self) -> pd.DataFrame:
        rows = [(0, 0, 0.1, 0, 0.0), (0, 0, 0.1, 5, 1.0), (1, 0, 0.2, 0, 0.0), (1, 0, 0.2, 5, 0.5)]
        return pd.DataFrame(rows, columns=["member", "seed", "lr", "step", "test_accuracy"])


def test_a_column_that_was_not_measured_is_answered_with_the_nearest():
    table = curves(Measured())
    assert table.of("test_accuracy").tolist() == [[0, 1], [0, 0.5]]
    for ask in (table.of, table.last, lambda name: table.reached(name, 0.9)):
        with pytest.raises(LatebloomError, match=r"Unknown column 'test_acuracy'\. Did you mean 'test_accuracy'"):
            ask("test_acuracy")


def test_a_field_that_does_not_vary_is_told_how_it_would():
    table = curves(Measured())
    assert list(table.arms("lr")) == [0.1, 0.2]
    with pytest.raises(LatebloomError, match=r"No field 'weight_decay' varies .* lr=1e-3,1e-2"):
        table.arms("weight_decay")
