"""The interface between the denoising loop and a model; one implementation for each family of models.

Shapes: B fills in the batch, C canvas positions, N positions requested, V vocabulary.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from infill_model.denoising.canvas import Canvas


class Context(Protocol):
    """A backend's representation of the code around the gaps: one entry for each fill of the batch."""

    @property
    def batch(self) -> int:
        """The number of fills this context serves."""


ContextT = TypeVar("ContextT", bound=Context)


class Denoiser(Protocol[ContextT]):
    """Predicts every canvas position from the context and the current canvas."""

    def encode(self, contexts: Sequence[Sequence[int]]) -> ContextT:
        """Encode one context for each fill, reusing what is cached from an earlier call."""

    def logits(self, context: ContextT, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, V) float32 logits at the canvas positions where `where` (B, C) is true, in reading order.

        The caller may modify them.
        """

    def logits_with_shadow(
        self, context: ContextT, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return `logits`, and those at `shadows` (B, C) as if each position alone were masked, in one forward pass."""
