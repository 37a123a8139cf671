"""Indentation: the file's own blanks, lines as deep as their block, and the way back out of a block.

Editors indent a new line before the model is asked, and a model that continues from there cannot go back. A line that
belongs further left therefore replaces the existing indentation.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, pairwise
from typing import Final

from infill_lsp.suggestions.brackets import Around, open_after, scan
from infill_lsp.suggestions.suggestion import Suggestion, before, lines_above, lines_below
from infill_lsp.syntax.languages import CLOSERS
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document
from infill_lsp.text.indent import BLANKS, indent_width, indentation

_LOOK: Final = 200
"""Lines on each side from which the file's conventions are inferred."""

_COMMENT: Final = re.compile(r"\s*(?:#|//|/?\*)")
_DEFINES: Final = re.compile(
    r"@|if __name__|(?:async|class|def|enum|export|fn|func|function|impl|interface|pub|public|static|struct|type)\b"
)
_OPERATORS: Final = tuple("+-*/=|&\\")
_LEAVES: Final = re.compile(r"(?:return|raise|throw|break|continue|pass)\b")
_CASES: Final = re.compile(r"(?:case|default)\b")
_PARTNERS: Final = (
    (re.compile(r"else\s*:"), re.compile(r"(?:if|elif|for|async for|while|except)\b")),
    (re.compile(r"elif\b"), re.compile(r"(?:if|elif)\b")),
    (re.compile(r"except\b"), re.compile(r"(?:try|except)\b")),
    (re.compile(r"finally\s*:"), re.compile(r"(?:try|except|else)\b")),
    (re.compile(r"(?:case\b.*|default\s*):"), _CASES),
)
"""Lines of the first kind belong as far left as the nearest line above of the second kind that is not deeper."""


def own_blanks(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Indent with tabs in a file that uses tabs, with blanks in a file that uses blanks."""
    first, *others = suggestion.text.split("\n")
    at_start = not before(document, suggestion).strip(BLANKS)
    indented = [indentation(line) for line in ([first, *others] if at_start else others) if line.strip()]
    if not any(indented) or (unit := own_unit(document, suggestion)) is None:
        return suggestion
    steps = [len(it) for it in indented if it and "\t" not in it]
    step = min([it for it in steps if it in (2, 4, 8)], default=4)
    own = [_own(line, unit, step) for line in others]
    return suggestion.saying("\n".join([_own(first, unit, step) if at_start else first, *own]))


def _own(line: str, unit: str, step: int) -> str:
    """Convert a line's indentation to the file's own blanks; alignment with a text above stays blanks."""
    old = indentation(line)
    if unit != "\t":
        return old.replace("\t", unit) + line[len(old) :]
    tabs = len(old) - len(old.lstrip("\t"))
    if tabs or len(old) < step:
        return line
    return "\t" * (len(old) // step) + " " * (len(old) % step) + line[len(old) :]


def own_unit(document: Document, suggestion: Suggestion) -> str | None:
    """Return one step of the file's indentation; None if no line is indented or the lines disagree."""
    above, below = (list(islice(it(document, suggestion), _LOOK)) for it in (lines_above, lines_below))
    lines = [*reversed(above), *below]
    tabs = sum(line.startswith("\t") for line in lines)
    blanks = sum(line.startswith("  ") for line in lines)
    if tabs == blanks or min(tabs, blanks) * 4 > max(tabs, blanks):
        return None
    if tabs > blanks:
        return "\t"
    steps = Counter(indent_width(b) - indent_width(a) for a, b in pairwise(lines))
    return " " * max((2, 4, 3, 8, 1), key=lambda step: steps[step])


def depth(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Indent the first line as the line above requires, and move a block that was written from column 0 with it."""
    left = before(document, suggestion)
    if left.strip(BLANKS) or target.kind in ("string", "comment"):
        return suggestion
    above = next((it for it in lines_above(document, suggestion) if not _COMMENT.match(it)), "")
    opens = document.opens_block(above)
    first, *others = suggestion.text.split("\n")
    unit = own_unit(document, suggestion) or "    "
    if _twice(document, left, first, others, _deepest(document, above, unit)):
        first = first.removeprefix(left)
    elif (
        opens
        and first.strip()
        and not _goes_back(first.lstrip(BLANKS))
        and indent_width(left + first) <= indent_width(above)
    ):
        wanted = indentation(above) + unit
        if not wanted.startswith(left):
            return suggestion
        added = wanted.removeprefix(left)
        others = [line and added + line for line in others]
        first = added + first.lstrip(BLANKS)
    elif left and indent_width(left) <= _deepest(document, above, unit) < indent_width(left + first):
        first = first.lstrip(BLANKS)
    others = _moved(document, left + first, others)
    return suggestion.saying("\n".join([first, *others]))


def block_depth(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Indent the block that the first line opens by the file's own step, whatever step the model wrote it with."""
    first, *others = suggestion.text.split("\n")
    head = before(document, suggestion) + first
    body = next((indent_width(it) for it in others if it.strip()), 0)
    base, step = indent_width(head), body - indent_width(head)
    if target.kind in ("string", "comment") or step <= 0 or not document.opens_block(head):
        return suggestion
    unit = own_unit(document, suggestion)
    if (
        unit is None
        or step == indent_width(unit)
        or any((indent_width(it) - base) % step for it in others if it.strip())
    ):
        return suggestion
    own = indentation(head)
    lines = [it and own + unit * ((indent_width(it) - base) // step) + it.lstrip(BLANKS) for it in others]
    if any(indent_width(it) < base for it in others if it.strip()):
        return suggestion
    return suggestion.saying("\n".join([first, *lines]))


def _goes_back(first: str) -> bool:
    """Report whether a line may belong further left than the one above: closers, `else`, preprocessor directives."""
    return first.startswith((")", "]", "}", "#")) or any(own.match(first) for own, _ in _PARTNERS)


def _deepest(document: Document, above: str, unit: str) -> int:
    """Return the greatest depth of a line below `above`."""
    if document.opens_block(above):
        return indent_width(above) + indent_width(unit)
    goes_on = open_after(scan(above, document.language).brackets) or above.rstrip().endswith(_OPERATORS)
    return 1000 if goes_on else indent_width(above)


def _twice(document: Document, left: str, first: str, others: list[str], deepest: int) -> bool:
    """Report whether a text repeats the existing indentation: it would be too deep, or its lines do not agree."""
    if not left or not indentation(first).startswith(left):
        return False
    whole = indent_width(left + first)
    agreeing = whole + 1 if document.opens_block(first) else whole
    return whole > deepest or any(
        indent_width(left) <= indent_width(line) < agreeing for line in others if line.strip()
    )


def _moved(document: Document, first: str, others: list[str]) -> list[str]:
    """Move the further lines as far as the first, if they were written as if it stood at column 0."""
    base = indentation(first)
    if not base or not _from_zero(document, first, others):
        return others
    return [base + line if line.strip() else line for line in others]


def _from_zero(document: Document, first: str, others: list[str]) -> bool:
    """Report whether the lines after the first can only be meant to be further right."""
    language = document.language
    written = [line for line in others if line.strip()]
    if not written or language is None or indent_width(written[0]) > indent_width(first):
        return False
    if document.opens_block(first) or open_after(scan(first, language).brackets):
        return indent_width(written[0]) > 0
    leaves = _LEAVES.match(first.lstrip(BLANKS)) or _DEFINES.match(others[0]) or language.closes_block.match(others[0])
    return bool(others[0].strip()) and indent_width(others[0]) == 0 and not leaves and others[0][0] not in ")]}"


def dedent(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Move a first line that belongs further left than the cursor there: `else:`, `except`, a closing bracket."""
    line, _ = document.place(suggestion.start)
    left = before(document, suggestion)
    first, *others = suggestion.text.split("\n")
    if left.strip(BLANKS) or target.kind in ("string", "comment", "selection"):
        return suggestion
    here = indentation(left + first)
    home = _home(document, suggestion, here, first.lstrip(BLANKS))
    if home is None or not here.startswith(home) or here == home:
        return suggestion
    deeper = next((indent_width(it) for it in others if it.strip()), 0)
    if deeper > indent_width(here):
        others = [home + it.removeprefix(here) if it.startswith(here) else it for it in others]
    text = "\n".join([home + first.lstrip(BLANKS), *others])
    return replace(suggestion, start=document.offset(line, 1), text=text)


def _home(document: Document, suggestion: Suggestion, here: str, first: str) -> str | None:
    """Return the indentation of the line that `first` continues; None if it continues none."""
    if first.startswith((")", "]", "}")):
        return _closer_home(document, suggestion, first)
    is_partner = _partner(document, first)
    limit = indent_width(here)
    for line in lines_above(document, suggestion) if is_partner else ():
        if is_partner and indent_width(line) <= limit:
            if is_partner(line.strip()):
                return indentation(line)
            limit = indent_width(line) - 1
    return None


def _partner(document: Document, first: str) -> Callable[[str], object] | None:
    """Return a test for the line that `first` continues or closes; None if it does neither."""
    if document.language and document.language.closes_block.match(first):
        return document.opens_block
    return next((partner.match for own, partner in _PARTNERS if own.match(first)), None)


def _closer_home(document: Document, suggestion: Suggestion, first: str) -> str | None:
    """Return the indentation of the line with the opener that `first` starts by closing."""
    opened = Around.of(document, suggestion).opened
    if not opened or CLOSERS[opened[-1][0]] != first[0]:
        return None
    line, _ = document.place(opened[-1][1])
    return indentation(document.line(line))
