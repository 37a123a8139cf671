"""Cut gaps into files and lay each out as the row that a fill-in-the-middle model reads.

Gaps are cut at character boundaries, so half-typed names are common. Most lie within a line; some are several lines or
an arbitrary span. Some are followed by another gap, some have another file in front. Shapes: B rows, T tokens of the
longest.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from infill_model.packing.fim import FimMarks

KINDS: Final = {"rest": 0.2, "name": 0.12, "inside": 0.16, "line": 0.13, "block": 0.23, "span": 0.16}
"""Kinds of gaps and the probability of each."""

WITH_INDENT: Final = 0.25
"""How often a gap of whole lines begins before the indentation of its first line."""

AT_LINE_END: Final = 0.25
"""How often a span begins at the end of a line, and several lines at the end of the line before them."""

OTHER_FILE: Final = 0.2
OTHER_GAP: Final = 0.1
PREFIX_WEIGHT: Final = 0.4
"""Weight of the next-token loss on the code right before the gap; the gap's weight is 1, that of all else 0.

No mark separates the two, so the tokens just before a gap are trained as if they belonged to it, without its end.
"""

PREFIX_TOKENS: Final = 80
"""How many tokens before the gap are targets."""

_MOST_CHARACTERS: Final = 400
_TRIES: Final = 30


@dataclass(frozen=True, slots=True)
class FimRow:
    """Token ids, the weight of each as a target, and the number of ids at the end that belong to the gap."""

    ids: list[int]
    weights: list[float]
    gap: int


def cut(text: str, rng: random.Random) -> tuple[int, int] | None:
    """Choose a gap and return its start and end as character offsets (end exclusive); None if none was found."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for _ in range(_TRIES):
        number = rng.randrange(len(lines))
        line = lines[number]
        indent = len(line) - len(line.lstrip())
        if len(line.strip()) < 3:
            continue
        first, last = starts[number] + indent, starts[number] + len(line)
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "block" and number and rng.random() < AT_LINE_END:
            first = starts[number] - 1
        elif kind in {"line", "block"} and rng.random() < WITH_INDENT:
            first = starts[number]
        start, end = _span(kind, text, first, last, starts, number, rng)
        if len(text[start:end].strip()) >= 1 and end - start <= _MOST_CHARACTERS:
            return start, end
    return None


def _span(
    kind: str, text: str, first: int, last: int, starts: Sequence[int], number: int, rng: random.Random
) -> tuple[int, int]:
    """Choose the ends of a gap of this kind whose first line has its text from `first` to `last`."""
    if kind == "line":
        return first, last
    if kind == "block":
        to = min(len(starts) - 2, number + rng.randrange(1, 8))
        return first, starts[to + 1] - 1
    start = rng.randrange(first, last)
    if kind == "name":
        names = [it for it in range(first, last - 2) if text[it].isalnum() and text[it + 1].isalnum()]
        start = rng.choice(names) + 1 if names else start
        end = start
        while end < last and (text[end].isalnum() or text[end] == "_"):
            end += 1
        return start, end if rng.random() < 0.5 else last
    if kind == "inside":
        return start, rng.randrange(start + 1, last + 1)
    if kind == "span":
        start = last if rng.random() < AT_LINE_END else start
        to = min(len(starts) - 2, number + rng.randrange(start == last, 5))
        return start, rng.randrange(start + 1, max(start + 2, starts[to + 1]))
    return start, last


class RowCutter:
    """Makes rows from files with one tokenizer."""

    def __init__(self, encode: Callable[[str], list[int]], marks: FimMarks, above: int = 384, below: int = 160) -> None:
        self._encode, self._marks, self._above, self._below = encode, marks, above, below

    def row(self, text: str, other: str, rng: random.Random) -> FimRow | None:
        """Cut one gap into a file and return the row; `other` is a file of the same project."""
        found = cut(text, rng)
        if found is None:
            return None
        start, end = found
        above = self._encode(text[max(0, start - self._above * 6) : start])[-rng.randrange(40, self._above) :]
        below = self._behind(text[end : end + self._below * 6], rng)[: rng.randrange(16, self._below)]
        files = []
        if rng.random() < OTHER_FILE and len(other) > 200:
            at = other.find("\n", rng.randrange(len(other) - 100)) + 1
            files = [self._encode(other[at : at + 1200])[: rng.randrange(40, 200)]]
        context = self._marks.row(files, below, above)
        gap = [*self._encode(text[start:end]), self._marks.end]
        trained = min(len(above), PREFIX_TOKENS)
        weights = [0.0] * (len(context) - trained) + [PREFIX_WEIGHT] * trained + [1.0] * len(gap)
        return FimRow([*context, *gap], weights, len(gap))

    def _behind(self, text: str, rng: random.Random) -> list[int]:
        """Return the tokens of the code after the gap; occasionally another gap is cut out of its beginning."""
        if rng.random() >= OTHER_GAP or len(text) < 100:
            return self._encode(text)
        start = rng.randrange(2, 60)
        end = start + rng.randrange(3, 30)
        return [*self._encode(text[:start]), self._marks.other_gap, *self._encode(text[end:])]


def batch(rows: Sequence[FimRow], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pad rows on the right.

    Returns:
        ids (B, T) int64; weights (B, T) float32, 0 at padding; in_gap (B, T) bool.
    """
    longest = max(len(it.ids) for it in rows)
    ids = torch.full((len(rows), longest), pad)
    weights, in_gap = torch.zeros(ids.shape), torch.zeros(ids.shape, dtype=torch.bool)
    for number, row in enumerate(rows):
        size = len(row.ids)
        ids[number, :size] = torch.tensor(row.ids)
        weights[number, :size] = torch.tensor(row.weights)
        in_gap[number, size - row.gap : size] = True
    return ids, weights, in_gap
