"""Collects an endpoint's output so far: pieces to tokens, frames and a fill. Must not depend on HTTP or any one API.

An API that does not report how probable its tokens were gets `NEUTRAL` for each token and each gap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from infill_lsp.endpoints.api import AnswerPart, GapAsk
from infill_lsp.endpoints.truncate import end, trimmed
from infill_model.request import Fill, Frame, StopReason, Timing, Token, TraceToken

NEUTRAL: Final = 0.5
"""The confidence if nothing is known; `infill.confidence` hides fills below 0.3 unless set otherwise."""


@dataclass
class PartialFill:
    """One fill of one gap while it is written."""

    ask: GapAsk
    tokens: list[Token] = field(default_factory=list)
    text: str = ""
    finished: bool = False
    cut: bool = False
    scored: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing that may still arrive would be kept."""
        return self.finished or end(self.text, self.ask) is not None

    def add(self, piece: AnswerPart, step: int) -> None:
        """Add a received piece."""
        self.finished, self.cut = self.finished or piece.finished, self.cut or piece.cut
        if piece.text:
            self.text += piece.text
            self.tokens += _tokens(piece, step)
            self.scored = self.scored or bool(piece.tokens)

    def written(self) -> "PartialText":
        """Return the part of the text to keep."""
        whole = self.finished and not self.cut
        text = trimmed(self.text, self.ask, whole=whole)
        stopped: StopReason = "complete" if self.over else "deadline"
        return PartialText(text, tuple(_up_to(self.tokens, len(text))), stopped, self.scored)

    def shown(self) -> tuple[TraceToken, ...]:
        """Return the tokens for a frame."""
        return tuple(TraceToken(it.text, "committed", it.confidence) for it in self.tokens)


@dataclass(frozen=True, slots=True)
class PartialText:
    """The text written into one gap; `scored` if the API reports how probable its tokens were."""

    text: str
    tokens: tuple[Token, ...]
    stopped: StopReason
    scored: bool = False

    @property
    def confidence(self) -> float:
        """The probability of the whole text."""
        return math.prod(it.confidence for it in self.tokens) if self.scored else NEUTRAL


@dataclass(frozen=True, slots=True)
class Clock:
    """Milliseconds until the first text arrived, and until the last."""

    first: float
    total: float


def fill(gaps: Sequence[PartialText], between: Sequence[str], clock: Clock, trace: tuple[Frame, ...] = ()) -> Fill:
    """Return the fill of all gaps, in order."""
    tokens = list(gaps[0].tokens)
    for text, gap in zip(between, gaps[1:], strict=True):
        tokens += [Token(text, 1.0, 0, pinned=True), *gap.tokens]
    late = any(it.stopped == "deadline" for it in gaps)
    steps = sum(len(it.tokens) for it in gaps)
    return Fill(
        texts=tuple(it.text for it in gaps),
        tokens=tuple(tokens),
        confidence=math.prod(it.confidence for it in gaps),
        score=None,
        steps=steps,
        forwards=steps,
        ms=Timing(clock.first, max(0.0, clock.total - clock.first), clock.total),
        stopped="deadline" if late else "complete",
        trace=trace,
    )


def _tokens(piece: AnswerPart, step: int) -> list[Token]:
    """Return the tokens of a piece; a single one if the API's tokens do not add up to its text."""
    if "".join(text for text, _ in piece.tokens) == piece.text:
        return [Token(text, _probability(it), step, pinned=False) for text, it in piece.tokens]
    sure = math.prod(_probability(it) for _, it in piece.tokens) if piece.tokens else NEUTRAL
    return [Token(piece.text, sure, step, pinned=False)]


def _probability(logprob: float) -> float:
    return math.exp(min(0.0, logprob)) if math.isfinite(logprob) else 0.0


def _up_to(tokens: Sequence[Token], length: int) -> list[Token]:
    """Return the tokens of the first `length` characters."""
    kept: list[Token] = []
    for it in tokens:
        if length <= 0:
            break
        kept.append(Token(it.text[:length], it.confidence, it.step, it.pinned))
        length -= len(it.text)
    return kept
