"""The same weights in other ways of filling, for tables to stand beside: each differs in one thing from what is used.

`PlainLoop` keeps nothing between steps and commits one token in each; `OracleLength` is told how many tokens a gap has;
`InTurn` fills several gaps one after the other. The autoregressive mode is in `fillers`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.embedded.denoiser import EmbeddedDenoiser, EncodedContext
from infill_model.infill.infiller import Infiller
from infill_model.infill.job import Job
from infill_model.infill.layout import Layout
from infill_model.infill.sequential import one_by_one
from infill_model.request import Fill, Options, Request
from infill_model.vocabulary import DEL


class PlainLoop:
    """The plain loop of the field: a full forward over context and canvas in every step, which commits one token."""

    def __init__(self, model: Infiller) -> None:
        self._model = Infiller(model.config, model.vocabulary, _Forgetful(model.denoiser.network), model.dtype)

    def fill(self, request: Request, options: Options) -> Fill:
        """The greedy fill; nothing is copied."""
        plain = replace(options, unmask="top_k", remask="none", stop="complete", retrieve=False)
        return self._model.fill(request, plain)[0]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """One after the other."""
        return [self.fill(it, options) for it in requests]


class OracleLength:
    """Told the length of each gap in tokens, which no one knows in use: what finding the length costs.

    Gaps whose golds have no room on one canvas are filled as ever.
    """

    def __init__(self, model: Infiller, golds: Mapping[Request, Sequence[str]]) -> None:
        self._unknown, self._golds = model, golds
        shape, denoiser = model.config.shape, _NeverDeletes(model.denoiser.network)
        self._layout = _FixedLayout(model.vocabulary, shape.context, shape.canvas)
        self._told = Infiller(model.config, model.vocabulary, denoiser, model.dtype, self._layout)

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """One after the other; nothing is copied."""
        return [self._fill(it, replace(options, retrieve=False, n=1)) for it in requests]

    def _fill(self, request: Request, options: Options) -> Fill:
        self._layout.lengths = [max(1, len(self._told.vocabulary.encode(it))) for it in self._golds[request]]
        holes = [len(it.ids) for it in self._layout.job(request).pieces if not it.pinned]
        knows = self._layout.fits(request) and holes == self._layout.lengths
        return (self._told if knows else self._unknown).fill(request, options)[0]


class _FixedLayout(Layout):
    """Gives each gap the masks it is told to, for good."""

    lengths: list[int]

    def job(self, request: Request, masks: int | Sequence[int] | None = None) -> Job:
        """A job that does not grow; `masks` is not heeded."""
        return replace(super().job(request, self.lengths), grows=False)


class _NeverDeletes(EmbeddedDenoiser):
    """Leaves no mask empty."""

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """(N, V) float32."""
        out = super().logits(context, canvas, where)
        out[:, DEL] = -torch.inf
        return out

    def logits_with_shadow(
        self, context: EncodedContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(N, V) float32 twice."""
        both = super().logits_with_shadow(context, canvas, where, shadows)
        for out in both:
            out[:, DEL] = -torch.inf
        return both


class _Forgetful(EmbeddedDenoiser):
    """Computes context and canvas from nothing in every step."""

    def encode(self, contexts: Sequence[Sequence[int]]) -> EncodedContext:
        """Remember what is to be encoded again and again."""
        self._contexts = contexts
        return super().encode(contexts)

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """(N, V) float32; those of all positions are computed, as the plain loop does."""
        self.forget()
        everywhere = torch.ones_like(where)
        return super().logits(super().encode(self._contexts), canvas, everywhere)[where.flatten()]


@dataclass(frozen=True, slots=True)
class InTurn:
    """Several gaps, one after the other, each as a request of its own."""

    fill: Callable[[Request, Options], list[Fill]]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """One after the other."""
        return [one_by_one(it, lambda one, _: self.fill(one, options)[0]) for it in requests]
