"""A denoiser over any network, through the code that training runs: nothing is cached but the encoder's output.

Shapes: B fills, always 1; T context tokens, C canvas positions, N positions requested, D width, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.embedded.network import Network


@dataclass(frozen=True, slots=True)
class PlainContext:
    """The clean code (1, T), and the encoder's output (1, T, D) for it."""

    ids: Tensor
    encoded: Tensor

    @property
    def batch(self) -> int:
        """The number of fills, always one."""
        return 1


class PlainDenoiser:
    """`Denoiser` of one row at a time."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @torch.no_grad()
    def encode(self, contexts: Sequence[Sequence[int]]) -> PlainContext:
        """Encode the one context."""
        (row,) = contexts
        ids = torch.tensor([list(row)])
        return PlainContext(ids, self.network.encode(ids))

    @torch.no_grad()
    def logits(self, context: PlainContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return logits (N, V) in float32."""
        visible = torch.tensor([[context.ids.shape[1]]])
        ids, pinned = canvas.ids.unsqueeze(1), canvas.pinned.unsqueeze(1)
        states = self.network.denoise(context.ids, context.encoded, visible, ids, pinned, torch.ones_like(pinned))
        return self.network.logits(states[0, 0][where[0]])

    def logits_with_shadow(
        self, context: PlainContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return two logits tensors (N, V) in float32, with a forward pass for each shadow."""
        alone = [torch.zeros_like(shadows).index_fill(1, it, True) for it in shadows[0].nonzero()]
        logits = self.logits(context, canvas, where)
        return logits, torch.cat([logits[:0], *(self.logits(context, canvas.remask(it), it) for it in alone)])
