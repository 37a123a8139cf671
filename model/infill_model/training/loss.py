"""The training loss: masked cross-entropy of the canvases plus next-token cross-entropy of the clean code.

Shapes: B rows, T context, K canvases per row, C canvas positions, N next-token targets, M canvas targets, D width.
"""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.embedded.network import Network
from infill_model.training.rows import Batch


@dataclass(frozen=True, slots=True)
class TensorBatch:
    """A `Batch` on a device; the fields are the same."""

    context: Tensor
    next_token_at: Tensor
    next_token: Tensor
    next_token_weight: Tensor
    visible: Tensor
    ids: Tensor
    pinned: Tensor
    valid: Tensor
    target: Tensor
    target_at: Tensor
    target_weight: Tensor

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> "TensorBatch":
        """Copy a batch to `device`."""
        arrays = (torch.from_numpy(getattr(batch, it.name)) for it in fields(Batch))
        return cls(*(it.to(device, non_blocking=True) for it in arrays))


def losses(network: Network, batch: TensorBatch) -> tuple[Tensor, Tensor]:
    """Return (canvas loss, next-token loss), each a weighted mean in nats; shapes are static, so it compiles once."""
    encoded = network.encode(batch.context)
    states = network.denoise(batch.context, encoded, batch.visible, batch.ids, batch.pinned, batch.valid).flatten(1, 2)
    logits = network.logits(torch.cat([pick(states, batch.target_at), pick(encoded, batch.next_token_at)], dim=1))
    targets = torch.cat([batch.target.flatten(1).gather(1, batch.target_at), batch.next_token], dim=1)
    entropy = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none").view(targets.shape)
    m = batch.target_at.shape[1]
    return (
        (entropy[:, :m] * batch.target_weight).sum() / batch.target_weight.sum().clamp_min(1.0),
        (entropy[:, m:] * batch.next_token_weight).sum() / batch.next_token_weight.sum().clamp_min(1.0),
    )


def pick(states: Tensor, at: Tensor) -> Tensor:
    """Gather the states (B, n, D) at positions `at` (B, m) -> (B, m, D)."""
    return states.gather(1, at.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
