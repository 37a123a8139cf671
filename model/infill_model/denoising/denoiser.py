"""What the denoising loop asks of a model; one implementation for each family of models.

Shapes: B fills in the batch, C canvas positions, N of them asked for, V vocabulary.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from infill_model.denoising.canvas import Canvas


class Context(Protocol):
    """What a backend keeps of the code around the gaps: one entry for each fill of the batch."""

    @property
    def batch(self) -> int:
        """How many fills this context serves."""


ContextT = TypeVar("ContextT", bound=Context)


class Denoiser(Protocol[ContextT]):
    """Predicts every canvas position from the context and the canvas as it stands."""

    def encode(self, contexts: Sequence[Sequence[int]]) -> ContextT:
        """Encode one context for each fill, reusing what is cached of an earlier call."""

    def logits(self, context: ContextT, canvas: Canvas, where: Tensor) -> Tensor:
        """(N, V) float32 logits for what stands at the canvas positions `where` (B, C) is true, in reading order.

        They are the caller's to change.
        """

    def logits_with_shadow(
        self, context: ContextT, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`logits`, and those at the positions `shadows` (B, C) is true as if each alone were masked; one forward."""
