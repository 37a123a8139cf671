"""Several gaps filled one after the other, for those too far apart to share a canvas.

It knows requests and fills, not how a gap is filled.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from infill_model.request import Fill, Request, Timing, Token


def one_by_one(request: Request, fill: Callable[[Request], Fill]) -> Fill:
    """Fill each gap with those before it filled and those after it still empty; all are right if each is.

    Args:
        request: with at least one gap.
        fill: fills a request of one gap.
    """
    prefix = request.prefix
    parts: list[Fill] = []
    tokens: list[Token] = []
    for index, after in enumerate((*request.between, request.suffix)):
        later = "".join((*request.between, request.suffix)[index:])
        part = fill(replace(request, prefix=prefix, suffix=later, between=()))
        prefix += part.texts[0] + after
        parts.append(part)
        tokens += part.tokens
        if index < len(request.between):
            tokens.append(Token(after, 1.0, 0, pinned=True))
    return Fill(
        texts=tuple(it.texts[0] for it in parts),
        tokens=tuple(tokens),
        confidence=math.prod(it.confidence for it in parts),
        score=None,
        steps=sum(it.steps for it in parts),
        forwards=sum(it.forwards for it in parts),
        ms=Timing(*(round(sum(getattr(it.ms, name) for it in parts), 3) for name in ("encode", "denoise", "total"))),
        stopped=next((it.stopped for it in parts if it.stopped not in ("complete", "stable")), parts[-1].stopped),
        retrieved=any(it.retrieved for it in parts),
        trace=tuple(frame for it in parts for frame in it.trace),
    )
