"""Brackets: no closer of what is closed already, no opener that nothing closes.

What is judged is the document: a suggestion may close what it did not open where the document lacks the closer.
"""

from infill_lsp.document import Document
from infill_lsp.suggestions.brackets import Around, Scan, open_after, scan
from infill_lsp.suggestions.insertion import Insertion, before, indentation
from infill_lsp.syntax.gap import Target
from infill_lsp.syntax.languages import CLOSERS


def balance(document: Document, target: Target, insertion: Insertion) -> Insertion:
    """Cut before a closer too many, close what is left open."""
    if target.kind in ("string", "comment") or not any(char in insertion.text for char in "()[]{}"):
        return insertion
    around = Around.of(document, insertion)
    written = scan(insertion.text, document.language)
    if around.above.within or written.within:
        return insertion
    text = insertion.text[: _surplus(written, around)].rstrip(" \t\n")
    if len(text) < len(insertion.text.rstrip(" \t\n")):
        return insertion.saying(text)
    if around.loose(written.text) <= around.loose(""):
        return insertion
    return insertion.saying(_closed(document, target, insertion, open_after(written.brackets)))


def _surplus(written: Scan, around: Around) -> int | None:
    """Where the closer stands before which a cut leaves the fewest brackets loose; None where a cut mends nothing."""
    fewest, place = around.loose(written.text), None
    for count in range(len(written.brackets) - 1, -1, -1):
        bracket, at = written.brackets[count]
        if bracket in CLOSERS or open_after(written.brackets[:count]):
            continue  # It has its opener in the text.
        left = around.loose(written.text[:count])
        if left < fewest:
            fewest, place = left, at
    return place


def _closed(document: Document, target: Target, insertion: Insertion, opened: list[tuple[str, int]]) -> str:
    """The text with its openers closed: at its end, or where they end lines of a block, in lines of their own."""
    text = insertion.text
    for opener, at in reversed(opened):
        ends_line = not text[at + 1 :].partition("\n")[0].strip()
        if ends_line and target.block and (opener == "{" or text[at + 1 :].strip()):
            start = text.rfind("\n", 0, at) + 1
            line = text[start:] if start else before(document, insertion) + text
            text += f"\n{indentation(line)}{CLOSERS[opener]}"
        elif ends_line and opener == "{":
            return text  # Whoever begins a block here is about to go on.
        else:
            text += CLOSERS[opener]
    return text
