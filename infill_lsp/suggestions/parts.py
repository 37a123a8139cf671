"""The beginnings of a fill that the model is sure of, where it is not sure of the whole."""

import re
from collections.abc import Iterator
from typing import Final

from infill_model.request import Fill

SURE: Final = 0.4
"""The probability from which a part of a fill is shown although the whole would not be, and a new word is believed."""

_WORD: Final = re.compile(r"\w")
_PARTS: Final = 3
"""The number of parts to try; each is parsed and judged."""


def sure_parts(fill: Fill, floor: float) -> Iterator[tuple[str, float]]:
    """Yield beginnings of a fill, the longest first, each with the probability that all of it is right.

    None is less probable than the user's floor, or than `SURE`, which is what a part needs to be worth a look.
    A part ends between two tokens and not within a word. Its probability is the product of its tokens' confidences. A
    fill of several gaps has no parts, nor one whose tokens are not its text, as an endpoint's may not be.
    """
    if len(fill.texts) != 1 or "".join(it.text for it in fill.tokens) != fill.texts[0]:
        return
    found: list[tuple[str, float]] = []
    text, confidence = "", 1.0
    for token, following in zip(fill.tokens, fill.tokens[1:], strict=False):
        text, confidence = text + token.text, confidence * token.confidence
        if confidence < max(floor, SURE):
            break
        if text.strip() and text != fill.texts[0] and not (_WORD.match(text[-1]) and _WORD.match(following.text)):
            found.append((text, confidence))
    yield from reversed(found[-_PARTS:])
