"""Compares two states of a text: the places at which they differ, as small as possible."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from infill_lsp.syntax.affixes import common_prefix, common_suffix

_LONGEST: Final = 200
"""Code points of a word that count."""

_WORD: Final = re.compile(r"\w*")
_TOKEN: Final = re.compile(r"\w+|\s+|[^\w\s]")

_MOST_LINES: Final = 200
"""Lines of a changed region that are compared one by one; a longer region is one hunk."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """A place at which two texts differ, in code points.

    Attributes:
        start: where it starts in the text after the change.
        end: where it ends there.
        old_start: where it starts in the text before the change.
        old: the text that stood there.
        new: the text that stands there now.
    """

    start: int
    end: int
    old_start: int
    old: str
    new: str

    @property
    def old_end(self) -> int:
        """Where it ends in the text before the change."""
        return self.old_start + len(self.old)


def hunks(before: str, after: str) -> tuple[Hunk, ...]:
    """Return the places at which two texts differ, in order."""
    whole = _trimmed(before, after, (0, len(before)), (0, len(after)))
    if whole is None:
        return ()
    old, new = whole.old.splitlines(keepends=True), whole.new.splitlines(keepends=True)
    alone = min(len(old), len(new)) < 2 or len(old) + len(new) > _MOST_LINES
    found = [whole] if alone else _by_line(before, after, whole, old, new)
    return tuple(word for hunk in found for word in _by_word(before, after, hunk))


def _by_line(before: str, after: str, whole: Hunk, old: list[str], new: list[str]) -> Iterator[Hunk]:
    """Yield the hunks within a changed region; where as many lines as before were replaced, one for each line."""
    at_old, at_new = _starts(old, whole.old_start), _starts(new, whole.start)
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        pairs = [(i, j, k, m)] if j - i != m - k else [(i + n, i + n + 1, k + n, k + n + 1) for n in range(j - i)]
        for a, b, c, d in pairs:
            if found := _trimmed(before, after, (at_old[a], at_old[b]), (at_new[c], at_new[d])):
                yield found


def _by_word(before: str, after: str, hunk: Hunk) -> tuple[Hunk, ...]:
    """Return each place where one word took the place of another, if that is all that a hunk does; else the hunk."""
    head, tail = word_around(before, hunk.old_start, hunk.old_end)
    old, new = hunk.old_start - head, hunk.start - head
    one = _TOKEN.findall(before[old : hunk.old_end + tail])
    other = _TOKEN.findall(after[new : hunk.end + tail])
    pairs = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    if len(one) != len(other) or len(pairs) < 2 or len(set(pairs)) > 1 or not pairs[0][0].isidentifier():
        return (hunk,)
    at_old, at_new = _starts(one, old), _starts(other, new)
    spans = [((at_old[n], at_old[n + 1]), (at_new[n], at_new[n + 1])) for n in range(len(one))]
    return tuple(it for it in (_trimmed(before, after, *both) for both in spans) if it is not None)


def word_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return how many characters of a word stand right before a range, and right behind it."""
    before, behind = text[max(0, start - _LONGEST) : start][::-1], text[end : end + _LONGEST]
    return len(_WORD.match(before)[0]), len(_WORD.match(behind)[0])  # type: ignore[index]  # It matches anything.


def _starts(lines: list[str], at: int) -> list[int]:
    starts = [at]
    for line in lines:
        starts.append(starts[-1] + len(line))
    return starts


def _trimmed(before: str, after: str, old: tuple[int, int], new: tuple[int, int]) -> Hunk | None:
    """Return the hunk of two ranges without their common beginning and end; None if they are equal."""
    first, second = before[slice(*old)], after[slice(*new)]
    if first == second:
        return None
    head = common_prefix(first, second)
    tail = common_suffix(first[head:], second[head:])
    start, end = new[0] + head, new[1] - tail
    return Hunk(start, end, old[0] + head, first[head : len(first) - tail], after[start:end])
