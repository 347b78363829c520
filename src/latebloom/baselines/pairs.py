"""What every in-context predictor shares: which pairs it may use at each place, and how its error is counted.

A sequence offers pairs (x_j, y_j), j = 1 .. T, and a query x_t at each place. In dynamics x is the state and y the
next one. The newest pair that is legal at place t is (x_{t-1}, y_{t-1}), because y_{t-1} = x_t has been seen: that is
the **fair** index. The released controls of von Oswald et al. 2023 (arXiv 2309.05858) leave it out and use pairs up
to t - 2: the **lagged** index, `lagged=True` everywhere in this package.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def visible(pos: int, lagged: bool = False, device: torch.device | None = None) -> Bool[Tensor, "query pair"]:
    """Which pairs may be used at which place.

    >>> visible(3).int().tolist()
    [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    >>> visible(3, lagged=True).int().tolist()
    [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    """
    return torch.ones(pos, pos, dtype=torch.bool, device=device).tril(-2 if lagged else -1)


def attended(
    queries: Float[Tensor, "*lead pos d_in"],
    inputs: Float[Tensor, "*lead pos d_in"],
    values: Float[Tensor, "*lead pos d_out"],
    lagged: bool = False,
) -> Float[Tensor, "*lead pos d_out"]:
    """Sum over the visible pairs of value_j (input_j . query_t): causal linear attention."""
    return ((queries @ inputs.mT) * visible(inputs.shape[-2], lagged, inputs.device)) @ values


def stack_past(states: Float[Tensor, "*lead pos d"], window: int) -> Float[Tensor, "*lead pos d_stacked"]:
    """[s_t, s_{t-1}, ..., s_{t-window+1}] at every place, 0 before the first: input of a regression on several states.

    Enough of them determine a partly seen system (App. D of the source); the release stacks 16.
    """
    pos = states.shape[-2]
    padded = torch.nn.functional.pad(states, (0, 0, window - 1, 0))
    return torch.cat([padded[..., window - 1 - by : window - 1 - by + pos, :] for by in range(window)], -1)


def loss_by_place(
    predictions: Float[Tensor, "*lead batch pos d"], targets: Float[Tensor, "*lead batch pos d"]
) -> Float[Tensor, "*lead pos"]:
    """Half the squared error summed over outputs, averaged over sequences: the unit of the source's figures."""
    return (predictions - targets).square().sum(-1).mean(-2) / 2
