"""A fill copied from the document or another file: what followed the longest match of the text before the gap.

Code repeats itself, so this copy is the baseline that a model must beat, and a draft that the denoiser may start from.
Characters are compared, without tokens or syntax, and whether the copy fits is not judged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

LONGEST_MATCH: Final = 40
"""The maximum number of characters before the gap that are searched for elsewhere."""

MOST_COPIES: Final = 4
"""The fourth copy is right in one or two of a hundred gaps (`infill-model copies`); later ones are not searched for."""

MOST_FOREIGN = 2
"""The maximum number of copies from other files."""

LEAST_FOREIGN: Final = 8
"""Characters that must match in another file."""

FOREIGN: Final = 0.7
"""How often a copy from another file is right, relative to one from the document with a match as long (docs/log.md)."""

MOST_LOOKED_AT: Final = 32
"""How many places are examined for matches of one length, on each side of the gap."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied text and its match.

    Attributes:
        text: the copy.
        match: how many characters before the gap matched, up to `LONGEST_MATCH`.
        rank: how many different copies had a longer match, or one of this length nearer to the gap.
        foreign: whether it is from another file.
    """

    text: str
    match: int
    rank: int = 0
    foreign: bool = False

    def probability(self, prefix: str, *, block: bool) -> float:
        """Return how often such a copy is exactly right, in [0, 1].

        Straight lines through the output of `infill-model copies` for 700 gaps of each kind in training projects;
        matches of the maximum length, which may in fact be longer still, have a value of their own.

        Args:
            prefix: the text before the gap.
            block: whether several lines are wanted.
        """
        if self.foreign:
            return FOREIGN * replace(self, foreign=False).probability(prefix, block=block)
        if self.rank:
            return replace(self, rank=0).probability(prefix, block=block) / (4 + self.rank)
        if block:
            return 0.005
        whole = self.match >= LONGEST_MATCH
        if not prefix.rpartition("\n")[2].strip():  # Only indentation before the gap: the match is the line above.
            return 0.3 if whole else 0.003 * self.match
        return 0.7 if whole else 0.06 + 0.01 * self.match


def copy_continuation(
    prefix: str, suffix: str, *, block: bool = False, min_match: int = 4, max_chars: int = 400
) -> Copy | None:
    """Copy what followed the longest match of the last characters before the gap.

    Of equally long matches the nearest before the gap is taken, or the nearest after it if there is none before.
    A match lies wholly before or wholly after the gap. The copy ends with its line, or earlier:

    - code follows the gap on its line: where the longest beginning of that code first occurs in the copy;
    - nothing follows on the line and a block is wanted: before the document's next line of code, which may be some
      lines further down in the copy.

    Args:
        prefix: the text before the gap.
        suffix: the text after it.
        block: whether the copy may span several lines, as `Request.block`.
        min_match: the minimum length of a match; 1 finds most, longer ones are right more often.
        max_chars: the maximum length of a copy.

    Returns:
        The copy, or None if nothing matches or the text after the match is blank.
    """
    found = _longest_match(prefix, prefix, suffix, min_match)
    if found is None:
        return None
    following, match = found
    copied = _cut(following[:max_chars], suffix, block)
    return Copy(copied, match) if copied.strip() else None


def different_copies(
    prefix: str,
    suffix: str,
    files: Sequence[str] = (),
    *,
    block: bool = False,
    min_match: int = 1,
    max_chars: int = 400,
) -> list[Copy]:
    """Return different copies for the match of `copy_continuation` and for other matches, at most `MOST_COPIES`.

    Longer matches come first, then nearer ones; none is less than half as long as the longest. With excerpts of other
    files, the most relevant last, at most `MOST_FOREIGN` that the document does not have are included; then the most
    probable copy comes first.
    """
    own = _different(prefix, (prefix, suffix), suffix, block, min_match, max_chars)[:MOST_COPIES]
    if not files:
        return own
    places = ("\n".join(files) + "\n\n", "")
    known = {it.text.rstrip() for it in own}
    found = _different(prefix, places, suffix, block, max(min_match, LEAST_FOREIGN), max_chars)
    others = [replace(it, foreign=True) for it in found if it.text.rstrip() not in known]
    others = [replace(it, rank=rank) for rank, it in enumerate(others[:MOST_FOREIGN])]
    return sorted([*own, *others], key=lambda it: it.probability(prefix, block=block), reverse=True)


def _different(
    prefix: str, places: tuple[str, str], suffix: str, block: bool, min_match: int, max_chars: int
) -> list[Copy]:
    """Collect copies from two texts: the first is searched from its end, then the second from its start."""
    found = _longest_match(prefix, *places, min_match)
    copies: dict[str, Copy] = {}
    longest = found[1] if found else 0
    for match in range(longest, max(min_match, longest // 2) - 1, -1):
        for following in _nearest(*places, prefix[-match:], max_chars):
            copied = _cut(following, suffix, block)
            if copied.strip():
                copies.setdefault(copied.rstrip(), Copy(copied, match, len(copies)))
            if len(copies) == MOST_COPIES:
                return list(copies.values())
    return list(copies.values())


def copy_all(pieces: Sequence[str], *, block: bool = False, min_match: int = 4) -> list[tuple[Copy | None, float]]:
    """Return a copy for each gap, left to right, and its probability; a later match may include an earlier copy.

    Args:
        pieces: the text before the first gap, between the gaps, and after the last.
        block: whether the copies may span several lines.
        min_match: as in `copy_continuation`.

    Returns:
        For each gap the copy, or None, and its probability; 0 without a copy.
    """
    copies: list[tuple[Copy | None, float]] = []
    before = pieces[0]
    for number, piece in enumerate(pieces[1:], 1):
        found = copy_continuation(before, "".join(pieces[number:]), block=block, min_match=min_match)
        copies.append((found, found.probability(before, block=block) if found else 0.0))
        before += (found.text if found else "") + piece
    return copies


def _longest_match(prefix: str, before: str, after: str, min_match: int) -> tuple[str, int] | None:
    """Return the text after the longest match of the end of `prefix`, and the match's length.

    A match of n characters ends with one of n - 1: bisect on n.
    """
    low, high = max(1, min_match), min(LONGEST_MATCH, len(prefix))
    best = None
    while low <= high:
        length = (low + high) // 2
        following = _following(before, after, prefix[-length:])
        if following is None:
            high = length - 1
        else:
            best, low = (following, length), length + 1
    return best


def _following(before: str, after: str, key: str) -> str | None:
    at = before.rfind(key, 0, len(before) - 1)
    if at >= 0:
        return before[at + len(key) :]
    at = after.find(key)
    return after[at + len(key) :] if at >= 0 else None


def _nearest(before: str, after: str, key: str, max_chars: int) -> Iterator[str]:
    """Yield the text after `key` at some places, first before the gap from the nearest on, then after the gap."""
    at = before.rfind(key, 0, len(before) - 1)
    for _ in range(MOST_LOOKED_AT):
        if at < 0:
            break
        yield before[at + len(key) : at + len(key) + max_chars]
        at = before.rfind(key, 0, at + len(key) - 1)
    at = after.find(key)
    for _ in range(MOST_LOOKED_AT):
        if at < 0:
            break
        yield after[at + len(key) : at + len(key) + max_chars]
        at = after.find(key, at + 1)


def _cut(copied: str, suffix: str, block: bool) -> str:
    line = copied.split("\n", 1)[0]
    rest, _, below = suffix.partition("\n")
    if rest.strip():
        return _before_longest_beginning(line, rest)
    next_line = below.lstrip("\n").split("\n", 1)[0]
    if block and next_line.strip():
        at = f"{copied}\n".find(f"\n{next_line}\n")
        return copied[:at] if at >= 0 else line
    return line


def _before_longest_beginning(line: str, rest: str) -> str:
    for length in range(len(rest), 0, -1):
        at = line.find(rest[:length])
        if at >= 0:
            return line[:at]
    return line
