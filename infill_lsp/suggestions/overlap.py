"""Removes text from a suggestion that is already there after it or above it."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final

from infill_lsp.suggestions.brackets import Around, scan
from infill_lsp.suggestions.suggestion import Dropped, Suggestion, before, lines_above, lines_below, rest
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document
from infill_lsp.text.indent import BLANKS, indent_width

_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_LETTER: Final = re.compile(r"[^\W\d_]")
_BRACKETS: Final = re.compile(r"[)\]}>\"'`\s]*")
_COMMON: Final = re.compile(r"(pass|else|try|finally|return|break|continue|end|default|None|null|nil|true|false)\b")
_LEAVES: Final = re.compile(r"\s*(?:return|raise|yield|break|continue|pass|assert)\b")
_NEXT: Final = 10
"""Lines below within which a line is not offered again."""

_LOOK: Final = 40
"""Lines below that the text is compared with."""


def rest_of_line(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Cut text that follows the suggestion on its line."""
    follows = rest(document, suggestion).rstrip()
    first, *others = suggestion.text.split("\n")
    written = first.rstrip()
    if not follows.strip():
        return suggestion
    for ending in (follows, follows.lstrip()):
        # A single letter may well end one word and also start the text that follows.
        long = len(ending) > 1 or ending in ":;,"
        if long and written.endswith(ending) and not _BRACKETS.fullmatch(ending):
            return suggestion.saying(written.removesuffix(ending))
    if others:
        return suggestion
    common = _overlap(written, follows) or _closers(document, suggestion, follows)
    return suggestion.saying(written.removesuffix(common)) if common else suggestion


def _closers(document: Document, suggestion: Suggestion, follows: str) -> str:
    """Return closers at the end of the text that also follow it, if the document is better off without them."""
    closers = re.match(r"[)\]}]*", follows)
    for length in range(len(closers[0]) if closers else 0, 0, -1):
        common = follows[:length]
        if suggestion.text.rstrip().endswith(common):
            around = Around.of(document, suggestion)
            written = scan(suggestion.text, document.language)
            fewer = written.text[:-length]
            if not written.within and not around.above.within and around.loose(fewer) < around.loose(written.text):
                return common
    return ""


def _overlap(text: str, follows: str) -> str:
    """Return the longest end of `text` that `follows` starts with, if it is unlikely to be a coincidence."""
    for length in range(min(len(text), len(follows)), 5, -1):
        common = follows[:length]
        if text.endswith(common) and len(re.findall(r"\w+|[^\w\s]", common)) >= 3 and _tells(common):
            return common
    return ""


def string_end(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Cut before a quote that would end a string which the rest of the line ends."""
    follows = rest(document, suggestion)
    quotes = [at for at, char in enumerate(suggestion.text) if char in "\"'`" and suggestion.text[at - 1 : at] != "\\"]
    if not quotes or not follows.strip():
        return suggestion
    quote = Around.of(document, suggestion).above.within
    own = [at for at in quotes if suggestion.text[at] == quote]
    if len(own) % 2 and follows.count(quote) % 2:
        return suggestion.saying(suggestion.text[: own[-1]])
    return suggestion


def following_lines(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Cut where the text begins to repeat the lines below."""
    lines = suggestion.text.split("\n")
    if len(lines) == 1 or rest(document, suggestion).strip(BLANKS):
        return suggestion
    below = list(islice(lines_below(document, suggestion), _LOOK))
    for at in range(1, len(lines)):
        written = [line for line in lines[at:] if line.strip()]
        if written and _repeats(written, below):
            return suggestion.saying("\n".join(lines[:at]).rstrip())
    return suggestion


def _repeats(written: Sequence[str], below: Sequence[str]) -> bool:
    """Report whether the written lines are those below: all of them, or the first if it is distinctive."""
    if not below or written[0].rstrip() != below[0].rstrip():
        return False
    same = [line.rstrip() for line in written] == [line.rstrip() for line in below[: len(written)]]
    return _tells(written[0]) or (same and any(_says(line) for line in written))


def duplicate(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Drop text that repeats the lines above or the lines below."""
    lines = f"{before(document, suggestion)}{suggestion.text}{rest(document, suggestion)}".split("\n")
    written = [line.rstrip() for line in lines if line.strip()]
    if not suggestion.text.strip() or not any(_tells(line) for line in written):
        return suggestion
    count = len(written)
    above = [line.rstrip() for line in islice(lines_above(document, suggestion), 2 * count)]
    below = [line.rstrip() for line in islice(lines_below(document, suggestion), count)]
    if above[:count] in (above[count:], below[::-1]):
        return suggestion  # Here the same lines are repeated on purpose.
    if written == above[:count][::-1]:
        return Dropped("it is the line above again")
    if written == below:
        return Dropped("it is the line below again")
    return suggestion


def _tells(line: str) -> bool:
    """Report whether a line is distinctive: it has a word other than those that stand alone everywhere."""
    return _WORD.search(_COMMON.sub("", line)) is not None


def _says(line: str) -> bool:
    """Report whether a line has a letter besides the words that stand alone everywhere; brackets and numbers do not."""
    return _LETTER.search(_COMMON.sub("", line)) is not None


def stands_below(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Drop a line that stands among the next lines of its block, but for those that leave a block."""
    line = f"{before(document, suggestion)}{suggestion.text}{rest(document, suggestion)}"
    if target.kind in ("string", "comment") or "\n" in line or not _tells(line) or _LEAVES.match(line):
        return suggestion
    for below in islice(lines_below(document, suggestion), _NEXT):
        if indent_width(below) < indent_width(line):
            return suggestion
        if below.rstrip() == line.rstrip():
            return Dropped("it is already a few lines below")
    return suggestion
