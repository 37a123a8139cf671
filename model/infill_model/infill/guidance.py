"""Guides the denoiser from outside at each step, without training: `Options.guide`, a name and a weight in nats.

`context:W` contrasts the prediction with one that sees no code around the gap (classifier-free guidance, Ho & Salimans,
arXiv 2207.12598; for discrete diffusion Schiff et al., arXiv 2412.10193). `quotes:W` and `naming:W` follow the style of
the document: a scorer of text finds what is not in it, tokens that it objects to lose W at each step, and finished
drafts go through the critic's hook. With `judges:W`, other scorers do the latter, which the caller adds to the critic
(control from outside as in Diffusion-LM, arXiv 2205.14217). Whatever a critic sends back loses W in its place.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.loop import RowCritic
from infill_model.denoising.policies import PolicyError
from infill_model.embedded.denoiser import EmbeddedDenoiser, EncodedContext
from infill_model.request import Request, TextCritic
from infill_model.vocabulary import ABOVE, BELOW, Vocabulary

Scorer: TypeAlias = Callable[[str], list[tuple[int, int]]]
"""Maps a text to the code-point spans in it that a guide objects to."""

GUIDES: Final[Mapping[str, float]] = MappingProxyType(
    {"none": 0.0, "context": 0.5, "quotes": 4, "naming": 4, "judges": 4}
)
"""The guides with their usual weights."""

_QUOTED: Final = re.compile(r"""(?<![\w"'\\])[rbuf]{0,2}("{1,3}|'{1,3})""", re.IGNORECASE)
_CAMEL: Final = re.compile(r"\b_*[a-z]+[A-Z]\w*")
_SNAKE: Final = re.compile(r"\b_*[a-z]+_[a-z]\w*")


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide by name, with its weight in nats."""

    name: str
    weight: float

    @classmethod
    def of(cls, spec: str) -> "Guide":
        """Read `NAME` or `NAME:WEIGHT`.

        Raises:
            PolicyError: there is no such guide, or the weight is no number from 0 to 100.
        """
        name, *words = spec.split(":")
        if name not in GUIDES:
            raise PolicyError(f"unknown guide {name!r}; choose one of {', '.join(GUIDES)}")
        try:
            (weight,) = [float(it) for it in words] or [GUIDES[name]]
        except ValueError:
            weight = -1.0
        if not 0 <= weight <= 100:
            raise PolicyError(f"guide {spec!r}: write {name}:WEIGHT, a number of nats from 0 to 100")
        return cls(name, weight)

    @property
    def passes(self) -> int:
        """Forward passes of the denoiser for each step."""
        return 2 if self.name == "context" else 1

    def scorer(self, request: Request) -> Scorer | None:
        """Return the scorer of a style that the code around the gaps shows; None if it shows none."""
        text = "".join((request.prefix, *request.between, request.suffix))
        return {"quotes": _other_quotes, "naming": _other_names}.get(self.name, lambda _: None)(text)


def guided_critic(scorer: Scorer | None, critic: TextCritic | None) -> TextCritic | None:
    """Return a critic that objects to what either objects to."""
    if scorer is None:
        return critic

    def both(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        found = critic(texts) if critic else [[] for _ in texts]
        return [[*spans, *scorer(text)] for spans, text in zip(found, texts, strict=True)]

    return both


class GuidedDenoiser(EmbeddedDenoiser):
    """The denoiser of a request whose predictions a guide changes; it shares the encoder's caches with `base`."""

    def __init__(self, base: EmbeddedDenoiser, guide: Guide, vocabulary: Vocabulary, scorer: Scorer | None) -> None:
        super().__init__(base.network)
        self.cache_for = base.cache_for  # type: ignore[method-assign]  # The contexts are encoded once.
        self._weight = guide.weight
        self._alone = EmbeddedDenoiser(base.network) if guide.name == "context" else None
        self._bias = _bias(scorer, vocabulary, guide.weight).to(self.device) if scorer else None
        self._sent_back: list[tuple[int, int, int]] = []  # row, position and token

    def watch(self, critic: RowCritic) -> RowCritic:
        """Return a critic whose objections also make the tokens in question less probable in their places."""
        self._sent_back = []

        def watched(canvas: Canvas, row: int) -> Tensor:
            wrong = critic(canvas, row)
            self._sent_back += [(row, at, int(canvas.ids[row, at])) for (at,) in wrong.nonzero().tolist()]
            return wrong

        return watched

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return logits (N, V) in float32."""
        logits = super().logits(context, canvas, where)
        if self._alone is not None:
            empty = self._alone.encode([(BELOW, ABOVE)] * context.batch)
            without = self._alone.logits(empty, canvas, where)
            logits = torch.lerp(without.log_softmax(1), logits.log_softmax(1), 1 + self._weight)
        return self._lowered(logits, where)

    def logits_with_shadow(
        self, context: EncodedContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return two logits tensors (N, V) in float32; shadows judge what is written, and are not guided."""
        _, shadow = super().logits_with_shadow(context, canvas, where, shadows)
        return self.logits(context, canvas, where), shadow

    def _lowered(self, logits: Tensor, where: Tensor) -> Tensor:
        """Lower what the scorer objects to anywhere, and what was sent back in its place."""
        if self._bias is not None:
            logits = logits - self._bias
        if self._sent_back:
            number = where.flatten().cumsum(0).view_as(where) - 1
            for row, at, token in self._sent_back:
                if row < len(where) and at < where.shape[1] and where[row, at]:
                    logits[number[row, at], token] -= self._weight
        return logits


def _bias(scorer: Scorer, vocabulary: Vocabulary, weight: float) -> Tensor:
    """Return (V,) float32: the weight where the scorer objects to the token alone."""
    return torch.tensor([weight * bool(scorer(vocabulary.decode([i]))) for i in range(vocabulary.size)])


def _spans(pattern: re.Pattern[str], text: str, wrong: Callable[[re.Match[str]], bool]) -> list[tuple[int, int]]:
    return [it.span() for it in pattern.finditer(text) if wrong(it)]


def _other_quotes(document: str) -> Scorer | None:
    """Return a scorer that objects to the rarer kind of quote; None if neither kind is clearly rarer."""
    kinds = [it[1][0] for it in _QUOTED.finditer(document) if len(it[1]) == 1]
    rare = _rare(kinds, '"', "'")
    return None if rare is None else lambda text: _spans(_QUOTED, text, lambda it: it[1] == rare)


def _other_names(document: str) -> Scorer | None:
    """Return a scorer that objects to camelCase, or to snake_case, where the document hardly uses it."""
    names = ["camel"] * len(set(_CAMEL.findall(document))) + ["snake"] * len(set(_SNAKE.findall(document)))
    rare = _rare(names, "camel", "snake")
    if rare is None:
        return None
    pattern = _CAMEL if rare == "camel" else _SNAKE
    return lambda text: _spans(pattern, text, lambda it: it[0] not in document)


def _rare(found: Sequence[str], *kinds: str) -> str | None:
    """Return the kind that makes up less than a fifth; None if there is none, or fewer than five were found."""
    rare = min(kinds, key=found.count)
    return rare if len(found) >= 5 and found.count(rare) < 0.2 * len(found) else None
