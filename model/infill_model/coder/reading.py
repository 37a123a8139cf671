"""Reads a text that stands after a cached row: how probable each of its tokens is there.

A token that was probable before an edit elsewhere and is not any more is what the edit calls to change.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from infill_model.coder.encoder import CHUNK, ROOT, RowCache
from infill_model.vocabulary import RESERVED

if TYPE_CHECKING:
    from infill_model.coder.one_gap import Tokens

LEAST: Final = 1e-6
"""The least probability that is told; tokens that the trimmed head lacks have it everywhere."""


def read_text(cache: RowCache, tokens: "Tokens", text: str, stop: Callable[[], bool]) -> list[tuple[str, float]] | None:
    """Return the pieces of a text, and the probability of each after the row and the pieces before it.

    Args:
        cache: of the row, opened.
        tokens: of the model.
        text: what follows the row; what does not fit the cache is left out.
        stop: asked before each forward pass.

    Returns:
        The pieces in order; None once `stop` returned true.
    """
    ids = tokens.encode(text)
    probabilities, tip = list[float](), ROOT
    for at in range(0, len(ids), CHUNK):
        if stop():
            return None
        chunk = ids[at : at + CHUNK]
        path = cache.grow([(tip, chunk)])[0]
        for token, node in zip(chunk, [tip, *path], strict=False):
            index = tokens.ends.index(token)
            known = float(cache.logits(node).softmax(0)[index]) if index >= 0 else 0.0
            probabilities.append(max(known, LEAST))
        if len(path) < len(chunk):
            break
        tip = path[-1]
        cache.forget_logits(tip)
    pieces = tokens.vocabulary.pieces([it + RESERVED for it in ids])
    return list(zip(pieces, probabilities, strict=False))
