"""What an endpoint has written so far: pieces to tokens, frames and a fill. It knows neither HTTP nor APIs.

An API that does not tell how sure its model was gets `NEUTRAL` for each token.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from infill_lsp.endpoints.api import GapAsk, Piece
from infill_lsp.endpoints.ends import end, trimmed
from infill_model.request import Fill, Frame, StopReason, Timing, Token, TraceToken

NEUTRAL: Final = 0.5
"""The confidence of what nothing is known about; `infill.confidence` hides what is below 0.1 unless told otherwise."""


@dataclass
class Draft:
    """One fill of one gap while it is written."""

    ask: GapAsk
    tokens: list[Token] = field(default_factory=list)
    text: str = ""
    finished: bool = False
    cut: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing that may come now would be kept."""
        return self.finished or end(self.text, self.ask) is not None

    def add(self, piece: Piece, step: int) -> None:
        """Take what has come."""
        self.finished, self.cut = self.finished or piece.finished, self.cut or piece.cut
        if piece.text:
            self.text += piece.text
            self.tokens += _tokens(piece, step)

    def written(self) -> "Written":
        """What is kept of it."""
        whole = self.finished and not self.cut
        text = trimmed(self.text, self.ask, whole=whole)
        return Written(text, tuple(_up_to(self.tokens, len(text))), "complete" if self.over else "deadline")

    def shown(self) -> tuple[TraceToken, ...]:
        """For a frame."""
        return tuple(TraceToken(it.text, "committed", it.confidence) for it in self.tokens)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written into one gap."""

    text: str
    tokens: tuple[Token, ...]
    stopped: StopReason


@dataclass(frozen=True, slots=True)
class Clock:
    """Milliseconds: until the first text came, and until the last one did."""

    first: float
    total: float


def fill(gaps: Sequence[Written], between: Sequence[str], clock: Clock, trace: tuple[Frame, ...] = ()) -> Fill:
    """The fill of all gaps in order."""
    tokens = list(gaps[0].tokens)
    for text, gap in zip(between, gaps[1:], strict=True):
        tokens += [Token(text, 1.0, 0, pinned=True), *gap.tokens]
    late = any(it.stopped == "deadline" for it in gaps)
    steps = sum(len(it.tokens) for it in gaps)
    return Fill(
        texts=tuple(it.text for it in gaps),
        tokens=tuple(tokens),
        confidence=_mean([it.confidence for it in tokens if not it.pinned]),
        score=None,
        steps=steps,
        forwards=steps,
        ms=Timing(clock.first, max(0.0, clock.total - clock.first), clock.total),
        stopped="deadline" if late else "complete",
        trace=trace,
    )


def _tokens(piece: Piece, step: int) -> list[Token]:
    """The tokens of a piece; one, where what the API says of them does not make up its text."""
    if "".join(text for text, _ in piece.tokens) == piece.text:
        return [Token(text, _probability(it), step, pinned=False) for text, it in piece.tokens]
    sure = _mean([_probability(it) for _, it in piece.tokens]) if piece.tokens else NEUTRAL
    return [Token(piece.text, sure, step, pinned=False)]


def _probability(logprob: float) -> float:
    return math.exp(min(0.0, logprob)) if math.isfinite(logprob) else 0.0


def _mean(confidences: Sequence[float]) -> float:
    """The geometric mean; of nothing it is the neutral one."""
    if not confidences:
        return NEUTRAL
    return math.exp(sum(math.log(max(it, 1e-6)) for it in confidences) / len(confidences))


def _up_to(tokens: Sequence[Token], length: int) -> list[Token]:
    """The tokens of the first `length` characters."""
    kept: list[Token] = []
    for it in tokens:
        if length <= 0:
            break
        kept.append(Token(it.text[:length], it.confidence, it.step, it.pinned))
        length -= len(it.text)
    return kept
