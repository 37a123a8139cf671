"""What: the lines that lost most are masked from the lost token on, and written again.

A new text must be likelier than the old one by a margin, and stand before the judges of syntax and meaning.
"""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.find import is_right
from infill_lsp.edits.remasking.drops import CONTEXT, Edited, Reader, Readings, ReadToken, begin, read_tokens
from infill_lsp.syntax.affixes import common_prefix
from infill_lsp.text.document import Document, normalised
from infill_model.request import Options, Request

LOST: Final = 2.5
"""Nats that a token must have lost."""

MOST_LINES: Final = 2
"""The number of lines that are written again, those that lost most first."""

GAIN: Final = 1.5
"""Nats by which a new text must be likelier than the old one."""

SURE: Final = 0.03
"""The least probability of a new text."""

_KEPT: Final = 0.02
"""An old token behind the lost one is kept if it is at least this probable, and likelier than the lost one."""

_REVOKED: Final = 0.5
"""The probability from which on no token is written again."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The end of a line that an edit made improbable.

    Attributes:
        start: where it starts, in code points: at the lost token.
        end: the end of its line.
        drop: how much the token lost, in nats.
        kept: the characters from the start on to the end of the token that lost most; they must not stay as they are.
        probability: of the first lost token now.
    """

    start: int
    end: int
    drop: float
    kept: int
    probability: float


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A line's end written again.

    Attributes:
        lost: the old one.
        text: the new one.
        gain: how much likelier it is, in nats.
        confidence: its probability.
    """

    lost: Lost
    text: str
    gain: float
    confidence: float


async def remasked(
    before: Document, after: Document, ask: Reader, readings: Readings | None = None
) -> tuple[NextEdit, ...]:
    """Return what a model makes of the lines that an edit made improbable, the likeliest first.

    Args:
        before: the document before the edit.
        after: the document as it is now.
        ask: the engine, whose model reads present text (`Info.reads`).
        readings: what was read of the document before, to be used and added to.
    """
    edited = await asyncio.to_thread(Edited.of, before, after)  # Texts may be long, and other work has its turn.
    return await written_again(edited, await read_tokens(edited, ask, readings), ask) if edited else ()


async def written_again(edited: Edited, tokens: Sequence[ReadToken], ask: Reader) -> tuple[NextEdit, ...]:
    """Return what a model makes of the lines whose tokens lost most, the likeliest first."""
    after = edited.after
    found = [it for lost in lost_ends(after, tokens) if (it := await rewritten(edited, lost, ask))]
    found = [it for it in found if it.gain >= GAIN and it.confidence >= SURE]
    edits = [_edit(after, it) for it in sorted(found, key=lambda it: it.gain, reverse=True)]
    right = await asyncio.gather(*(asyncio.to_thread(is_right, after, it.change) for it in edits))
    return tuple(it for it, stands in zip(edits, right, strict=True) if stands)


def lost_ends(document: Document, tokens: Sequence[ReadToken]) -> list[Lost]:
    """Return the ends of lines that lost most."""
    lines: dict[int, list[ReadToken]] = {}
    for it in tokens:
        lines.setdefault(it.line, []).append(it)
    found = [it for number, of in lines.items() if document.line(number).strip() for it in _lost(document, number, of)]
    return sorted(found, key=lambda it: it.drop, reverse=True)[:MOST_LINES]


def _lost(document: Document, number: int, tokens: Sequence[ReadToken]) -> Iterator[Lost]:
    """Yield a line's end from the first token on that lost at least half as much as the one that lost most."""
    worst = max(tokens, key=lambda it: it.drop)
    if worst.drop < LOST:
        return
    first = next(it for it in tokens if it.drop >= max(LOST, worst.drop / 2))
    line = document.line(number)
    indent = document.lines.start(number) + len(line) - len(line.lstrip())
    end = document.lines.end(number)
    start = min(end, max(first.start, indent))
    kept = worst.start + len(worst.text.rstrip()) - start
    yield Lost(start, end, worst.drop, kept, math.exp(first.after))


async def rewritten(edited: Edited, lost: Lost, ask: Reader) -> Rewritten | None:
    """Write the end of a line again; None if that changes nothing."""
    document, old = edited.after, edited.after.lines.slice(lost.start, lost.end)
    request, least = _request(edited, lost), min(_REVOKED, max(_KEPT, 1.5 * lost.probability))
    options = Options(start=(old,) if old.strip() else None, remask=f"revoke:{least:.3f}", critic=False)
    fills = [it for it in await ask(request, options) if it.stopped == "complete"]
    text = fills[0].texts[0].rstrip() if fills else old
    if text == old.rstrip() or common_prefix(text, old) >= max(1, lost.kept):
        return None  # The model would keep what was lost.
    chances = {it: await _probability(request, it, ask) for it in (old, *_texts(document, lost, text))}
    now = chances.pop(old)
    best = max(chances, key=chances.__getitem__)
    return Rewritten(lost, best.replace("\n", document.newline), chances[best] - now, math.exp(chances[best]))


def _texts(document: Document, lost: Lost, text: str) -> Iterator[str]:
    """Yield a new text alone; if it begins a line, also with the old line behind it."""
    before = document.line_before(lost.start)
    yield text
    if not before.strip() and text.strip():
        yield f"{text}\n{before}{document.lines.slice(lost.start, lost.end)}"


async def _probability(request: Request, text: str, ask: Reader) -> float:
    """Return the log-probability (nats) of a line's end and the break behind it; the least if there was no time."""
    fills = await ask(request, Options(steps=0, start=(text + "\n",)))
    return sum(math.log(it.confidence) for it in fills[0].tokens) if fills else -math.inf


def _request(edited: Edited, lost: Lost) -> Request:
    """Return the request for a line's end, with the edited lines in sight."""
    lines, language = edited.after.lines, edited.after.language
    start = begin(edited.after, min(edited.start, lost.start))
    end = min(lines.length, max(edited.end, lost.end) + CONTEXT)
    prefix, suffix = (normalised(lines.slice(*it)) for it in ((start, lost.start), (lost.end, end)))
    return Request(prefix, suffix, language=language.id if language else None)


def _edit(document: Document, found: Rewritten) -> NextEdit:
    line = document.lines.number(found.lost.start)
    start, end, text = found.lost.start, found.lost.end, found.text
    old = document.lines.slice(start, end)
    if "\n" in text and text.endswith(old):  # The old line stays behind a new one.
        new = text[: len(text) - len(old)]
        return NextEdit(Change(start, start, new), "model", f"Insert `{new.strip()}` before line {line}")
    whole = document.lines.slice(document.lines.start(line), start) + text
    return NextEdit(Change(start, end, text), "model", f"Change line {line} to `{whole.strip()}`")
