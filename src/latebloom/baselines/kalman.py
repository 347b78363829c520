"""The Kalman filter: the best linear predictor of a partly seen system whose W and C are known."""

import torch
from jaxtyping import Float
from torch import Tensor


def kalman(
    seen: Float[Tensor, "*batch pos n_seen"],
    dynamics: Float[Tensor, "*batch n_hidden n_hidden"],
    readout: Float[Tensor, "*batch n_seen n_hidden"],
    noise: float,
    seen_noise: float,
    start_variance: float,
) -> Float[Tensor, "*batch pos n_seen"]:
    """E[s_{t+1} | s_1 .. s_t] at every place for h_{t+1} = W h_t + noise, s_t = C h_t + noise (Kalman 1960).

    It is told what no in-context learner can know: W (`dynamics`) and C (`readout`) of each sequence, both noise
    deviations, and that h_1 has mean 0 and `start_variance` in every direction (1/3 for the uniform start on [-1, 1]).
    So it bounds every predictor from below where start and noise are normal, and every linear one otherwise.
    Without noise on what is seen, directions that are known already have no spread, and the pseudo-inverse leaves them
    alone. Float64 inside.
    """
    w, c, s = dynamics.double(), readout.double(), seen.double()
    eye = torch.eye(w.shape[-1], dtype=w.dtype, device=w.device)
    blur = seen_noise**2 * torch.eye(c.shape[-2], dtype=w.dtype, device=w.device)
    mean = torch.zeros(*s.shape[:-2], w.shape[-1], 1, dtype=w.dtype, device=w.device)
    spread = start_variance * eye.expand_as(w)
    said = []
    # Spread below this share of the first one is rounding.
    known = 1e-12 * torch.linalg.matrix_norm(c @ spread @ c.mT, 2)
    for t in range(s.shape[-2]):
        reach = c @ spread
        if seen_noise > 0:
            gain = torch.linalg.solve(reach @ c.mT + blur, reach).mT
        else:
            inverse = torch.linalg.pinv(reach @ c.mT, atol=known, rtol=torch.zeros_like(known), hermitian=True)
            gain = (inverse @ reach).mT
        mean = w @ (mean + gain @ (s[..., t, :, None] - c @ mean))
        kept = eye - gain @ c
        # Joseph's form stays symmetric and positive where the short one loses both to rounding.
        spread = w @ (kept @ spread @ kept.mT + gain @ blur @ gain.mT) @ w.mT + noise**2 * eye
        said.append((c @ mean)[..., 0])
    return torch.stack(said, -2).to(seen.dtype)
