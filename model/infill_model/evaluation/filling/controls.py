"""Control conditions: the same weights with other ways of filling, each changing one thing about the one in use.

`PlainLoop` keeps nothing between steps and commits one token per step; `OracleLength` is given the number of tokens of
each gap; `InTurn` fills several gaps one after another. The autoregressive mode is in `baselines`.
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
    """The standard loop: a full forward over context and canvas in every step, which commits one token."""

    def __init__(self, model: Infiller) -> None:
        self._model = Infiller(model.config, model.vocabulary, _Forgetful(model.denoiser.network), model.dtype)

    def fill(self, request: Request, options: Options) -> Fill:
        """Return the greedy fill; nothing is copied."""
        plain = replace(options, unmask="top_k", remask="none", stop="complete", retrieve=False)
        return self._model.fill(request, plain)[0]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Fill the requests one after another."""
        return [self.fill(it, options) for it in requests]


class OracleLength:
    """Given the true length of each gap in tokens, unknown in use; measures the cost of finding the length.

    Gaps whose golds do not fit on one canvas are filled in the usual way.
    """

    def __init__(self, model: Infiller, golds: Mapping[Request, Sequence[str]]) -> None:
        self._unknown, self._golds = model, golds
        shape, denoiser = model.config.shape, _NeverDeletes(model.denoiser.network)
        self._layout = _FixedLayout(model.vocabulary, shape.context, shape.canvas)
        self._told = Infiller(model.config, model.vocabulary, denoiser, model.dtype, self._layout)

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Fill the requests one after another; nothing is copied."""
        return [self._fill(it, replace(options, retrieve=False, n=1)) for it in requests]

    def _fill(self, request: Request, options: Options) -> Fill:
        self._layout.lengths = [max(1, len(self._told.vocabulary.encode(it))) for it in self._golds[request]]
        holes = [len(it.ids) for it in self._layout.job(request).pieces if not it.pinned]
        knows = self._layout.fits(request) and holes == self._layout.lengths
        return (self._told if knows else self._unknown).fill(request, options)[0]


class _FixedLayout(Layout):
    """Gives each gap a fixed number of masks."""

    lengths: list[int]

    def job(self, request: Request, masks: int | Sequence[int] | None = None) -> Job:
        """Return a job that does not grow; `masks` is ignored."""
        return replace(super().job(request, self.lengths), grows=False)


class _NeverDeletes(EmbeddedDenoiser):
    """Never fills a mask with `<del>`."""

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return logits (N, V) in float32."""
        out = super().logits(context, canvas, where)
        out[:, DEL] = -torch.inf
        return out

    def logits_with_shadow(
        self, context: EncodedContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return two logits tensors (N, V) in float32."""
        both = super().logits_with_shadow(context, canvas, where, shadows)
        for out in both:
            out[:, DEL] = -torch.inf
        return both


class _Forgetful(EmbeddedDenoiser):
    """Recomputes context and canvas from scratch in every step."""

    def encode(self, contexts: Sequence[Sequence[int]]) -> EncodedContext:
        """Keep the contexts, to encode them anew in each step."""
        self._contexts = contexts
        return super().encode(contexts)

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return logits (N, V) in float32; all positions are computed, as in the plain loop."""
        self.forget()
        everywhere = torch.ones_like(where)
        return super().logits(super().encode(self._contexts), canvas, everywhere)[where.flatten()]


@dataclass(frozen=True, slots=True)
class InTurn:
    """Fills several gaps one after another, each as a separate request."""

    fill: Callable[[Request, Options], list[Fill]]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Fill the requests one after another."""
        return [one_by_one(it, lambda one, _: self.fill(one, options)[0]) for it in requests]
