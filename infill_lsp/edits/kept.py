"""Decides whether a repair keeps what the user wrote beside the fault."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

MOST_DELETED: Final = 3
"""The most code points that a repair may delete without writing anything in their place."""

_WORD: Final = re.compile(r"\w+")
_ALIKE: Final = 0.6
"""The likeness from which one word may be a misspelling of another: `retrun` and `return` have 0.83."""


def keeps_words(present: Sequence[str], texts: Sequence[str]) -> bool:
    """Report whether texts keep the words that they replace, in their order.

    A doubled word may go, and one word may be spelt differently. Signs may go, because most faults are in them; where
    nothing stands in their place, only a few.
    """
    if not any(it.strip() for it in texts) and sum(map(len, present)) > MOST_DELETED:
        return False
    old, new = _WORD.findall(" ".join(present)), _WORD.findall(" ".join(texts))
    spelt = 0
    for action, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if action == "replace":
            spelt += last - first
            if not any(_alike(old[first], it) for it in new[start:end]):
                return False
        elif action == "delete":
            beside = old[max(0, first - 1) : first] + old[last : last + 1]
            if any(it not in beside for it in old[first:last]):
                return False
    return spelt <= 1


def _alike(word: str, other: str) -> bool:
    return SequenceMatcher(None, word, other, autojunk=False).ratio() >= _ALIKE
