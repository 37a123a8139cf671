"""Brackets: no closer of what is closed already, no opener that nothing closes.

What is judged is the document: a suggestion may close what it did not open where the document lacks the closer.
"""

from infill_lsp.document import Document
from infill_lsp.suggestions.brackets import CLOSERS, Around, Scan, open_after, scan
from infill_lsp.suggestions.insertion import Insertion, before, indentation
from infill_lsp.syntax.gap import Target


def balance(document: Document, target: Target, insertion: Insertion) -> Insertion:
    """Cut before a closer too many, close what is left open."""
    if target.kind in ("string", "comment") or not any(char in insertion.text for char in "()[]{}"):
        return insertion
    around = Around.of(document, insertion)
    written = scan(insertion.text, document.language)
    if around.above.within or written.within or around.loose(written.text) <= around.loose(""):
        return insertion
    text = _without_surplus(insertion.text, written, around)
    if text is None:
        text = _closed(document, target, insertion, open_after(written.brackets))
    return insertion.saying(text)


def _without_surplus(text: str, written: Scan, around: Around) -> str | None:
    """The longest text that ends before a closer and leaves no more brackets loose than there are."""
    for count in range(len(written.brackets) - 1, -1, -1):
        bracket, at = written.brackets[count]
        if bracket not in CLOSERS and around.loose(written.text[:count]) <= around.loose(""):
            return text[:at].rstrip()
    return None


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
