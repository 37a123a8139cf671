"""A suggestion ends where what it stands in ends: the line, or the block.

Blocks are told by indentation, which holds while someone types and the tree is broken; closing brackets of the block
are the business of `balance`.
"""

from infill_lsp.document import Document
from infill_lsp.suggestions.brackets import open_after, scan
from infill_lsp.suggestions.insertion import BLANKS, Dropped, Insertion, before, fits, width
from infill_lsp.syntax.gap import Target


def one_line(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
    """Where one line is wanted, the first is kept; text between two gaps must be in it."""
    if target.block or "\n" not in insertion.text:
        return insertion
    first = insertion.saying(insertion.text.partition("\n")[0])
    return (
        first if target.kind == "selection" or fits(document, first) else Dropped("it breaks a line between two gaps")
    )


def block(document: Document, target: Target, insertion: Insertion) -> Insertion:
    """Cut before the first line that is less indented than the block."""
    lines = insertion.text.split("\n")
    if len(lines) == 1 or target.kind in ("string", "comment"):
        return insertion
    first = before(document, insertion) + lines[0]
    least = width(first)
    if before(document, insertion).strip(BLANKS) and document.opens_block(first):
        least += 1  # The block is the one that the insertion's own line opens.
    for number in range(1, len(lines)):
        line = lines[number]
        if line.strip() and width(line) < least and _leaves(document, "\n".join([first, *lines[1:number]]), line):
            return insertion.saying("\n".join(lines[:number]).rstrip())
    return insertion


def _leaves(document: Document, above: str, line: str) -> bool:
    """Whether a line leaves the block, and is not one within brackets or a string, or a closer."""
    read = scan(above, document.language)
    return not read.within and not open_after(read.brackets) and not line.lstrip().startswith((")", "]", "}"))
