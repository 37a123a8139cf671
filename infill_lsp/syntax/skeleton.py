"""What of a selection stays when it is rewritten: its keywords, operators and brackets."""

import re

from infill_lsp.document import Document, Gap
from infill_lsp.syntax.gap import Target

_WORD = re.compile(r"[^\W\d]\w*|\d[\w.]*")


def rewrite(document: Document, start: int, end: int) -> Target:
    """The names and numbers of a selection as gaps, all else pinned."""
    words = (match for match in _WORD.finditer(document.text, start, end))
    gaps = tuple(Gap(it.start(), it.end()) for it in words if it.group() not in _KEYWORDS)
    if not gaps:
        return Target("none", (), block=False, why="There is nothing to rewrite in the selection.")
    return Target("selection", gaps, block=False, why="The selection keeps its structure.")


_KEYWORDS = {"def", "class", "return", "if", "else", "elif", "for", "while", "in", "not", "and", "or", "is", "import"}
