"""Finds parts of a text that are like the code around a cursor: Jaccard similarity of names over windows of lines.

The measure is that of Copilot's and Cody's snippets: cheap, the same for every language, and stable.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 20
"""Lines per window."""

STRIDE: Final = 10
"""Lines from the start of one window to the start of the next."""

LEAST: Final = 0.05
"""Minimum similarity; windows below it share next to nothing with the code around the cursor."""

LARGEST: Final = 400_000
"""Maximum number of characters of a text to search."""

_NAME: Final = re.compile(r"[^\W\d]\w{2,}")

_COMMON: Final = frozenset(
    """
    and async await bool break case catch class const continue def default del elif else enum except export extends
    False false final finally float for from func function global impl import int interface lambda let match mut new
    None nonlocal not null package pass private protected pub public raise return self static str string struct super
    switch this throw True true try type undefined use using var void while with yield
    """.split()  # noqa: SIM905 - as a list of strings it would be a page long.
)
"""Words that occur in every file and so carry no information."""


@dataclass(frozen=True, slots=True)
class LineWindow:
    """A few lines of a text and the names in them."""

    text: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Match:
    """A window and its similarity, in [0, 1]."""

    similarity: float
    text: str


def names(text: str) -> frozenset[str]:
    """Return the names in a text, without words common to all files."""
    return frozenset(_NAME.findall(text)) - _COMMON


def windows(text: str) -> tuple[LineWindow, ...]:
    """Return the windows of a text from the top; the last one ends with the text."""
    lines = text[:LARGEST].splitlines(keepends=True)
    starts = range(0, max(1, len(lines) - WINDOW + STRIDE), STRIDE)
    cut = ("".join(lines[start : start + WINDOW]) for start in starts)
    return tuple(LineWindow(it, names(it)) for it in cut if it.strip())


def around(text: str, offset: int) -> str:
    """Return the lines around a cursor that windows are compared with, two thirds of them above it."""
    start = offset
    for _ in range(2 * WINDOW // 3):
        start = text.rfind("\n", 0, max(0, start))
        if start < 0:
            break
    end = offset
    for _ in range(WINDOW // 3):
        found = text.find("\n", end + 1)
        if found < 0:
            end = len(text)
            break
        end = found
    return text[start + 1 : end]


def best(candidates: Iterable[LineWindow], wanted: frozenset[str], most: int) -> list[Match]:
    """Return the non-overlapping windows of one text most like the wanted names, best first."""
    scored = [(similarity(it.names, wanted), at, it) for at, it in enumerate(candidates)]
    scored = sorted((it for it in scored if it[0] >= LEAST), key=lambda it: (-it[0], it[1]))
    taken: dict[int, Match] = {}
    for score, at, window in scored:
        if len(taken) == most:
            break
        if at - 1 not in taken and at + 1 not in taken:  # Neighbours share half of their lines.
            taken[at] = Match(score, window.text)
    return list(taken.values())


def similarity(some: frozenset[str], others: frozenset[str]) -> float:
    """Return the number of names in both sets divided by the number in either."""
    shared = len(some & others)
    return shared / (len(some) + len(others) - shared) if shared else 0.0
