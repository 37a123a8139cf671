"""The optimiser: Muon for the matrices inside the layers, AdamW for the embedding, and the learning-rate schedule.

Muon is implemented here because torch's version orthogonalises in bfloat16, which takes many times as long on a CPU
without bfloat16 instructions (`python -m infill_model.training.speed`).
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from infill_model.embedded.network import Network

MUON_RATE = 0.02
ADAM_RATE = 0.004


class Muon(torch.optim.Optimizer):
    """Muon (Jordan 2024): momentum with orthogonalised updates, for matrices only."""

    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Apply one update; matrices of the same shape are orthogonalised together."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in shapes.items():
                updates = orthogonalise(torch.stack([self._momentum(it, group["momentum"]) for it in parameters]))
                rate = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.add_(update, alpha=-rate)

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """Return the gradient with Nesterov momentum."""
        gradient = parameter.grad
        if gradient is None:
            return torch.zeros_like(parameter)
        buffer: Tensor = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        buffer.lerp_(gradient, 1 - momentum)
        looked_ahead: Tensor = gradient.lerp(buffer, momentum)
        return looked_ahead


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Return the nearest orthogonal matrices, approximately: (n, rows, columns) -> the same, singular values near 1.

    A quintic Newton-Schulz iteration with the coefficients of Jordan 2024; bfloat16 on CUDA, float32 elsewhere.
    """
    x = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
    result: Tensor = (x.mT if tall else x).to(matrices.dtype)
    return result


class Optimiser:
    """Muon (Jordan 2024) and AdamW (Loshchilov & Hutter 2019), stepped together at the same share of their rates."""

    def __init__(self, network: Network) -> None:
        hidden = [p for name, p in network.named_parameters() if p.ndim == 2 and not name.startswith("embedding")]
        others = [p for name, p in network.named_parameters() if p.ndim != 2 or name.startswith("embedding")]
        self._names: dict[Tensor, str] = {p: name for name, p in network.named_parameters()}
        self.muon = Muon(hidden, lr=MUON_RATE)
        self.adam = torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def step(self, share: float) -> None:
        """Apply one update at `share` (0 to 1) of the full learning rates; the gradients are freed afterwards."""
        for optimiser, rate in ((self.muon, MUON_RATE), (self.adam, ADAM_RATE)):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Return every tensor of the state, named `<parameter>:<key>`."""
        return {f"{name}:{key}": value for name, key, value in self._state()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore a state returned by `state`."""
        for optimiser in (self.muon, self.adam):
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    prefix = f"{self._names[parameter]}:"
                    optimiser.state[parameter] = {
                        name.removeprefix(prefix): value.to(parameter.device) if value.ndim else value
                        for name, value in state.items()
                        if name.startswith(prefix)
                    }

    def _state(self) -> Iterator[tuple[str, str, Tensor]]:
        for optimiser in (self.muon, self.adam):
            for parameter, values in optimiser.state.items():
                for key, value in values.items():
                    yield self._names[parameter], key, value


def rate_share(step: int, *, warmup: int, steps: int, decay: float) -> float:
    """Return the share of the full rate at `step`: warm-up, constant, then linear to zero (WSD, Hu et al. 2024).

    Args:
        step: from 0.
        warmup: steps of linear warm-up.
        steps: length of the run.
        decay: share of the run in which the rate decays.
    """
    left = (steps - step) / max(1.0, decay * steps)
    return max(0.0, min(1.0, (step + 1) / max(1, warmup), left))
