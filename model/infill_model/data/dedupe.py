"""Remove near-duplicates: cut out windows of lines that were seen before; the first copy stays.

A window is `WINDOW` consecutive lines of code, stripped, so a copy counts as a duplicate however it is indented, spaced
or commented. Across files, projects and splits, the first text that contains a window keeps it.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

WINDOW: Final = 10
"""Lines of code in a window, and the minimum for a piece of text to be kept."""

_DIGEST: Final = 8
"""Bytes of the hash of a line or window: one collision is expected among five thousand million windows."""


class Windows:
    """The windows seen so far."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def unseen(self, text: str, comments: tuple[str, ...]) -> Iterator[str]:
        """Yield what is left of `text` once the windows seen before are cut out, and remember its other windows.

        Each piece consists of whole lines of the text, unchanged. Pieces with fewer than `WINDOW` lines of code are
        dropped.

        Args:
            text: lines end with a newline.
            comments: prefixes of lines that are only a comment.
        """
        lines = text.split("\n")
        lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
        code = [n for n, line in enumerate(lines) if _is_code(line.strip(), comments)]
        start = 0  # an index into `code`: the current piece begins right after the line of code before it
        for cut_from, cut_to in [*self._cuts([lines[n].strip() for n in code]), (len(code), len(code))]:
            if cut_from - start >= WINDOW:
                first = code[start - 1] + 1 if start else 0
                last = code[cut_from] if cut_from < len(code) else len(lines)
                yield "".join(lines[first:last])
            start = cut_to

    def _cuts(self, code: list[str]) -> Iterator[tuple[int, int]]:
        """Yield the ranges of lines of code, in order and without overlap, that lie in windows seen before."""
        hashes = [blake2b(line.encode(), digest_size=_DIGEST).digest() for line in code]
        cut_from, cut_to = 0, 0
        for n in range(len(code) - WINDOW + 1):
            window = blake2b(b"".join(hashes[n : n + WINDOW]), digest_size=_DIGEST).digest()
            if window not in self._seen:
                self._seen.add(window)
                continue
            if n > cut_to:
                if cut_to:
                    yield cut_from, cut_to
                cut_from = n
            cut_to = n + WINDOW
        if cut_to:
            yield cut_from, cut_to


def _is_code(line: str, comments: tuple[str, ...]) -> bool:
    return line != "" and not line.startswith(comments)
