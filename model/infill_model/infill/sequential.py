"""Fills several gaps one after another, for gaps that a model cannot fill together.

Must not depend on how a single gap is filled.
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import fields, replace
from typing import Final

from infill_model.request import Fill, Request, Timing, Token

_PARTS: Final = tuple(it.name for it in fields(Timing))


def turns(request: Request) -> Generator[tuple[Request, tuple[str, ...]], str, None]:
    """Yield one single-gap request after another, with earlier gaps filled and later ones still empty.

    Yields:
        The request, and the text after its gap in pieces: one up to each later gap, and the last.
        The caller sends back the text written into the gap.
    """
    pieces, prefix = (*request.between, request.suffix), request.prefix
    for number, after in enumerate(pieces):
        behind = pieces[number:]
        prefix += (yield replace(request, prefix=prefix, suffix="".join(behind), between=()), behind) + after


def one_by_one(request: Request, fill: Callable[[Request, tuple[str, ...]], Fill]) -> Fill:
    """Fill each gap of a request in turn; the fill is right if every gap is.

    Args:
        request: with at least one gap.
        fill: fills a single-gap request; it is also given the pieces after the gap, as `turns` yields them.
    """
    parts: list[Fill] = []
    waiting = turns(request)
    turn: tuple[Request, tuple[str, ...]] | None = next(waiting)
    while turn:
        parts.append(fill(*turn))
        try:
            turn = waiting.send(parts[-1].texts[0])
        except StopIteration:
            turn = None
    return _joined(parts, request.between)


def _joined(parts: Sequence[Fill], between: Sequence[str]) -> Fill:
    tokens = list(parts[0].tokens)
    for text, part in zip(between, parts[1:], strict=True):
        tokens += [Token(text, 1.0, 0, pinned=True), *part.tokens]
    scores = [it.score for it in parts if it.score is not None]
    return Fill(
        texts=tuple(it.texts[0] for it in parts),
        tokens=tuple(tokens),
        confidence=math.prod(it.confidence for it in parts),
        score=sum(scores) if len(scores) == len(parts) else None,
        steps=sum(it.steps for it in parts),
        forwards=sum(it.forwards for it in parts),
        ms=Timing(*(round(sum(getattr(it.ms, name) for it in parts), 3) for name in _PARTS)),
        stopped=next((it.stopped for it in parts if it.stopped not in ("complete", "stable")), parts[-1].stopped),
        retrieved=any(it.retrieved for it in parts),
        trace=tuple(frame for it in parts for frame in it.trace),
    )
