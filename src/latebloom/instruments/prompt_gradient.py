"""What linear function a network has made of a prompt: by its gradient, and by asking it many queries.

The gradient of a prediction by its query is the weight vector of the function, as far as it is linear there (Garg et
al. 2022, arXiv 2208.01066, who compare it with the true weights); solving for the weights that explain its answers to
2 d queries gives the same where the function is linear everywhere, and a share of the answers that no weights explain
where it is not (Panwar, Ahuja & Goyal 2024).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import check_finite
from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

QueryPredictor = Callable[[Tensor, Tensor, Tensor], Float[Tensor, " prompt"]]
"""Context inputs [prompt, n, d], context labels [prompt, n], queries [prompt, d] -> predictions [prompt]."""


@dataclass(frozen=True)
class PromptGradient:
    """Gradients of each prediction by the parts of its own prompt."""

    by_query: Float[Tensor, "prompt d"]
    by_context_x: Float[Tensor, "prompt n d"]
    by_context_y: Float[Tensor, "prompt n"]


@dataclass(frozen=True)
class ImpliedWeights:
    """Weights that explain the answers best, and the share of the answers' square that they leave unexplained."""

    weights: Float[Tensor, "prompt d"]
    unexplained: Float[Tensor, " prompt"]


def prompt_gradient(
    predict: QueryPredictor,
    context_x: Float[Tensor, "prompt n d"],
    context_y: Float[Tensor, "prompt n"],
    query_x: Float[Tensor, "prompt d"],
) -> PromptGradient:
    """Gradients by autograd; zero by a part that the prediction does not depend on.

    Prompts must not see each other in `predict`, as they do not in a batch of sequences. Raises `LatebloomError` when
    the predictor returns something that cannot be differentiated.
    """
    if not all(part.is_floating_point() for part in (query_x, context_x, context_y)):
        raise LatebloomError("prompt_gradient: whole numbers have no gradient; give queries and contexts as floats.")
    parts = [part.detach().clone().requires_grad_(True) for part in (query_x, context_x, context_y)]
    with torch.enable_grad():
        said = predict(parts[1], parts[2], parts[0])
        _check_tensor("prompt_gradient", said)
        if said.shape != query_x.shape[:1] or not said.requires_grad:
            raise LatebloomError(
                f"prompt_gradient: the predictor gave shape {tuple(said.shape)}"
                f"{'' if said.requires_grad else ' without a gradient'}; it must give one differentiable number for "
                f"each of {query_x.shape[0]} prompts."
            )
        by_query, by_x, by_y = torch.autograd.grad(said.sum(), parts, allow_unused=True, materialize_grads=True)
    return PromptGradient(by_query, by_x, by_y)


@torch.no_grad()
def implied_weights(
    predict: QueryPredictor,
    context_x: Float[Tensor, "prompt n d"],
    context_y: Float[Tensor, "prompt n"],
    queries: Float[Tensor, "query d"],
) -> ImpliedWeights:
    """The weights for which w . query explains the predictor's answers to all queries best, for each prompt.

    Panwar et al. ask 2 d queries drawn as the inputs are. Raises `LatebloomError` for fewer than d + 1 of them: any
    answers could be explained; and for numbers that are not finite.
    """
    count, d = queries.shape
    if count <= d:
        raise LatebloomError(f"implied_weights: {count} queries of {d} numbers explain anything; ask at least {d + 1}.")
    said = [predict(context_x, context_y, q.expand(len(context_x), d)) for q in queries]
    for one in said:
        _check_tensor("implied_weights", one)
    answers = torch.stack(said, -1)
    check_finite("implied_weights: the queries", queries)
    check_finite("implied_weights: the predictor's answers [prompt, query]", answers)
    weights = torch.linalg.lstsq(queries.to(answers), answers.T).solution.T
    rest = answers - weights @ queries.to(answers).T
    return ImpliedWeights(weights, rest.square().sum(-1) / answers.square().sum(-1))


def _check_tensor(owner: str, said: object) -> None:
    if not isinstance(said, Tensor):
        raise LatebloomError(
            f"{owner}: the predictor gave a {type(said).__name__}; it must give a tensor, one number for each prompt."
        )


def weight_cosine(
    weights: Float[Tensor, "*prompt d"], reference: Float[Tensor, "*prompt d"]
) -> Float[Tensor, "*prompt"]:
    """Cosine between two weight vectors: the true ones, or those a baseline makes of the same prompt; NaN for zero."""
    lengths = torch.linalg.vector_norm(weights, dim=-1) * torch.linalg.vector_norm(reference, dim=-1)
    return ((weights * reference).sum(-1) / lengths).clamp(-1, 1)
