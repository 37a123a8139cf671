"""What the denoising loop asks of a model; one implementation for each family of models.

Shapes: B fills in the batch, C canvas positions, V vocabulary.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from infill_model.canvas import Canvas


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

    def logits(self, context: ContextT, canvas: Canvas) -> Tensor:
        """(B, C, V) float32 logits for what stands at each canvas position."""

    def logits_with_shadow(self, context: ContextT, canvas: Canvas) -> tuple[Tensor, Tensor]:
        """`logits`, and (B, C, V) logits of each position as if it alone were masked, in the same forward."""
