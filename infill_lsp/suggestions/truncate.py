"""Ends a suggestion with the line or the block that it is in, and before it repeats itself.

Blocks are recognised by indentation, which works while the user types and the tree is broken; `brackets` handles the
closing brackets of a block.
"""

import re
from typing import Final

from infill_lsp.suggestions.brackets import open_after, scan
from infill_lsp.suggestions.suggestion import Dropped, Suggestion, before, fits
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document
from infill_lsp.text.indent import BLANKS, indent_width


def one_line(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Keep only the first line where one line is wanted; text between two gaps must be in it."""
    if target.block or "\n" not in suggestion.text:
        return suggestion
    first = suggestion.saying(suggestion.text.partition("\n")[0])
    return (
        first if target.kind == "selection" or fits(document, first) else Dropped("it breaks a line between two gaps")
    )


def block(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Cut before the first line that is indented less than the block."""
    lines = suggestion.text.split("\n")
    if len(lines) == 1 or target.kind in ("string", "comment"):
        return suggestion
    first = before(document, suggestion) + lines[0]
    least = indent_width(first)
    if before(document, suggestion).strip(BLANKS) and document.opens_block(first):
        least += 1  # The block is the one that the suggestion's own line opens.
    for number in range(1, len(lines)):
        line = lines[number]
        if (
            line.strip()
            and indent_width(line) < least
            and _leaves(document, "\n".join([first, *lines[1:number]]), line)
        ):
            return suggestion.saying("\n".join(lines[:number]).rstrip())
    return suggestion


def _leaves(document: Document, above: str, line: str) -> bool:
    """Report whether a line leaves the block, and is neither within brackets or a string nor a closer."""
    read = scan(above, document.language)
    return not read.within and not open_after(read.brackets) and not line.lstrip().startswith((")", "]", "}"))


_TOKENS: Final = re.compile(r"\w+|[^\w\s]")
_LETTERS: Final = re.compile(r"[^\W\d_]")
_MOST_LINES: Final = 3
_MOST_TOKENS: Final = 4
"""Repetitions in a row that a token sequence must not reach; tables of constants have three of a kind, seldom four."""
_LONGEST: Final = 12
"""The longest sequence looked for, in tokens or lines."""


def repeated_lines(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Keep only the first occurrence where the same lines follow each other three times."""
    lines = (before(document, suggestion) + suggestion.text).split("\n")
    for at in range(len(lines)):
        for period in range(1, min(_LONGEST, (len(lines) - at) // _MOST_LINES) + 1):
            once = lines[at : at + period]
            if lines[at : at + period * _MOST_LINES] == once * _MOST_LINES and _LETTERS.search("".join(once)):
                kept = "\n".join(lines[: at + period])
                return suggestion.saying(kept.removeprefix(before(document, suggestion)))
    return suggestion


def repeated_tokens(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Drop text that repeats itself four times in a row, because there is no telling where to cut it."""
    tokens = _TOKENS.findall(suggestion.text)
    for at in range(len(tokens)):
        for period in range(1, min(_LONGEST, (len(tokens) - at) // _MOST_TOKENS) + 1):
            once = tokens[at : at + period]
            if tokens[at + period] != tokens[at] or not any(it[0].isalpha() for it in once):
                continue
            if tokens[at : at + period * _MOST_TOKENS] == once * _MOST_TOKENS:
                return Dropped("it repeats itself over and over")
    return suggestion
