"""What the next edits are compared with: no edits, the last replacement made wherever its old text stands, and a model.

The model reads the lines around the change as it does for a next edit, but only as they stand now.
"""

import re
from dataclasses import replace

from infill_lsp.bench.next_edits.tokens import common, replacements
from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.find import MOST
from infill_lsp.edits.remasking.drops import Edited, Reader, compared, read
from infill_lsp.edits.remasking.remask import written_again
from infill_lsp.text.document import Document


def nothing(before: Document, after: Document, cursor: int | None) -> tuple[Change, ...]:
    """Offer nothing."""
    return ()


def text_replace(before: Document, after: Document, cursor: int | None) -> tuple[Change, ...]:
    """Offer what an editor's search and replace would do next: each word that the user replaced, nearest first."""
    start, end, old = _changed(before.text, after.text)
    found = [
        Change(match.start(), match.end(), new)
        for was, new in replacements(old, after.text[start:end]).items()
        for match in re.finditer(_whole(was), after.text)
        if match.end() <= start or match.start() >= end
    ]
    at = end if cursor is None else cursor
    return tuple(sorted(found, key=lambda it: min(abs(it.start - at), abs(it.end - at)))[:MOST])


async def without_history(before: Document, after: Document, ask: Reader) -> tuple[NextEdit, ...]:
    """Offer what a model makes of the lines around the change that it finds least probable, whatever stood there."""
    edited = Edited.of(before, after)
    if edited is None:
        return ()
    now = await read(edited.pieces(after), ask)
    sure = [[replace(it, confidence=1.0) for it in tokens] for tokens in now]
    return await written_again(edited, compared(edited, sure, now), ask)


def _whole(text: str) -> str:
    """Return a pattern for a text that is no part of a longer word."""
    first, last = (r"(?<!\w)" if text[0].isalnum() else ""), (r"(?!\w)" if text[-1].isalnum() else "")
    return first + re.escape(text) + last


def _changed(before: str, after: str) -> tuple[int, int, str]:
    """Return the range of whole lines that changed in `after`, and what they were."""
    olds, news = before.splitlines(keepends=True), after.splitlines(keepends=True)
    above = common(olds, news)
    below = common(olds[above:][::-1], news[above:][::-1])
    start = len("".join(news[:above]))
    changed = news[above : len(news) - below]
    return start, start + len("".join(changed)), "".join(olds[above : len(olds) - below])
