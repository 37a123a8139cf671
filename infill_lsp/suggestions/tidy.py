r"""Line ends, blanks that nobody wants, and texts that say nothing new.

It knows nothing of languages.
"""

from infill_lsp.document import Document, normalised
from infill_lsp.suggestions.insertion import BLANKS, Dropped, Insertion, before, rest
from infill_lsp.syntax.gap import Target


def line_ends(document: Document, target: Target, insertion: Insertion) -> Insertion:
    r"""Every line ends in `\n`."""
    return insertion.saying(normalised(insertion.text))


def blanks(document: Document, target: Target, insertion: Insertion) -> Insertion:
    """No blanks at the ends of lines, no blank lines at the end, and no second blank behind one that is there.

    Several blanks are meant: they align a comment or a value with those of other lines.
    """
    *lines, last = insertion.text.split("\n")
    text = "\n".join([*(line.rstrip(BLANKS) for line in lines), last])
    if not rest(document, insertion).strip(BLANKS):
        text = text.rstrip(" \t\n")
    left = before(document, insertion)
    if left.strip(BLANKS) and left[-1] in BLANKS and target.kind not in ("string", "comment"):
        text = text[1:] if text[:1] in BLANKS and text[1:2] not in BLANKS else text
    return insertion.saying(text)


def news(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
    """What stands there already is not shown."""
    if insertion.text == normalised(document.text[insertion.start : insertion.end]):
        return Dropped("it is there already")
    return insertion
