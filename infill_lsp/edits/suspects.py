"""Which lines of a function a model finds improbable: it reads the function once, and only these are revised."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from infill_lsp.edits.attempt import Attempt
from infill_lsp.text.document import Document, Gap, normalised
from infill_model.request import Fill, Options, Request, Token

DOUBTED: Final = 0.05
"""A line is suspect if the model gives one of its tokens less than this probability."""

MOST: Final = 3
"""The most lines that are revised, the most improbable first."""


async def suspects(
    document: Document, attempts: Sequence[Attempt], ask: Callable[[Request, Options], Awaitable[Sequence[Fill]]]
) -> list[Attempt]:
    """Return the attempts at lines of which the model finds a token improbable, the most improbable first.

    Args:
        document: to be revised.
        attempts: one for each line, in any order, without gaps between lines.
        ask: the engine, whose model reads present text (`Info.reads`).
    """
    if not attempts:
        return []
    whole = Gap(min(it.gaps[0].start for it in attempts), max(it.gaps[-1].end for it in attempts))
    text = normalised(document.text[whole.start : whole.end])
    fills = await ask(document.request((whole,), block=True), Options(steps=0, start=(text,)))
    if not fills:
        return []
    least = _least_likely(document.place(whole.start)[0], fills[0].tokens)
    found = [(least.get(document.place(it.gaps[0].start)[0], 1.0), it) for it in attempts]
    return [it for least_likely, it in sorted(found, key=lambda it: it[0]) if least_likely < DOUBTED][:MOST]


def _least_likely(line: int, tokens: Sequence[Token]) -> dict[int, float]:
    """Return the probability of each line's least likely token, of tokens that begin on a given line."""
    found: dict[int, float] = {}
    for token in tokens:
        code = token.text.lstrip()
        own = line + token.text[: len(token.text) - len(code)].count("\n")
        if code:
            found[own] = min(found.get(own, 1.0), token.confidence)
        line += token.text.count("\n")
    return found
