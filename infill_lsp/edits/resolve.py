"""Turns an offer into an edit: asks the model, and keeps only answers that pass the checks for the kind of edit.

A fill must bring in no syntax error, a repair must leave fewer, and a suggestion must parse and be more probable than
the existing text. Must not depend on engines or the protocol; an engine's errors are left to the caller.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

from infill_lsp.edits.attempt import Attempt
from infill_lsp.edits.edit import Change, Edit
from infill_lsp.edits.faulty import breaks, changed, errors, grown
from infill_lsp.edits.kept import keeps_words
from infill_lsp.edits.offer import Kind, Offer
from infill_lsp.edits.plan import code_of_line, plan
from infill_lsp.edits.restore import Restored, Restorer
from infill_lsp.edits.suspects import suspects
from infill_lsp.errors import RequestFailedError, RequestRefusedError
from infill_lsp.meaning.judge import fault_within
from infill_lsp.syntax.critic import Critic
from infill_lsp.syntax.errors import fault_reach, faults
from infill_lsp.syntax.part import Part
from infill_lsp.text.document import Document, Gap, normalised
from infill_lsp.text.progress import Film, Watcher, filmed
from infill_model.request import Fill, Options, Request

BUDGET_MS: Final = 2_000.0
"""Milliseconds for all requests of one edit."""

SUGGESTIONS_BUDGET_MS: Final = 10_000.0
"""Milliseconds for the lines of a function, each of which the model reads anew."""

_STRING: Final = re.compile(
    r"""\s*[rRuU]?(\"{3}(?:(?!\"{3})[\s\S])*\"{3}|'{3}(?:(?!'{3})[\s\S])*'{3}|"[^"\n]*"|'[^'\n]*')\s*"""
)

_MARGIN: Final = 10.0
"""Seconds that the engine may take beyond the budget to answer, even if another one must after the first failed."""

FILLS: Final = 3
"""The number of different fills examined where the first may not pass."""

REVISE: Final = "revoke:0.03"
"""Existing tokens are rewritten if the denoiser gives them less than this probability."""

LEAST_GAIN: Final = 0.5
"""Nats per token by which a suggestion must be more probable than the existing text."""

LEAST_NATS: Final = 3.0
"""Nats by which a suggestion of a model that reads must be more probable, as a whole, than the existing text."""

LEAST_SURE: Final = 0.5
"""The probability that each token of a suggestion must have had when it was written."""

MOST_SUGGESTIONS: Final = 3
"""The most lines that one edit changes."""


class AskEngine(Protocol):
    """A function that requests fills, as `Engine.ask` does."""

    def __call__(self, request: Request, options: Options, /, *, on_draft: Film | None) -> Awaitable[Sequence[Fill]]:
        """Return the fills, best first."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Texts for an attempt's gaps; `worth` ranks findings, the greater the better."""

    attempt: Attempt
    texts: tuple[str, ...]
    confidence: float
    worth: float = 0.0


@dataclass(frozen=True, slots=True)
class _Asking:
    """A document, the part of it in which errors count, and the means to ask the model about it within a budget."""

    document: Document
    part: Part
    attempts: tuple[Attempt, ...]
    ask: AskEngine
    deadline: float
    on_progress: Callable[[int, int], None]
    watcher: Watcher | None

    def left_ms(self) -> float:
        """Return the milliseconds that are left."""
        return (self.deadline - time.perf_counter()) * 1000

    async def fills(self, number: int) -> Sequence[Fill]:
        """Return fills of an attempt; none if time is up, or if its start does not fit the canvas."""
        if self.left_ms() <= 0:
            return ()
        attempt = self.attempts[number]
        self.on_progress(number, len(self.attempts))
        remask = REVISE if attempt.start is not None else "none"
        film = filmed(self.watcher, self.document, attempt.gaps)
        options = Options(n=FILLS, start=attempt.start, remask=remask)
        fills = await self.asked(attempt.request(self.document), options, film)
        if film and fills:
            film.end(fills[0])
        return fills

    async def asked(self, request: Request, options: Options, film: Film | None = None) -> Sequence[Fill]:
        """Return the answer within the time that is left; none if it is up, or if a start does not fit the canvas."""
        left = self.left_ms()
        if left <= 0:
            return ()
        try:
            async with asyncio.timeout(left / 1000 + _MARGIN):
                return await self.ask(request, replace(options, budget_ms=left), on_draft=film)
        except TimeoutError:
            raise RequestFailedError("The engine has not answered in time; ask again") from None
        except RequestRefusedError:
            if options.start is None:
                raise
            return ()


def _nobody(done: int, all_: int) -> None:
    """Ignore the progress of an edit."""


async def resolve(
    document: Document,
    offer: Offer,
    ask: AskEngine,
    *,
    budget_ms: float | None = None,
    on_progress: Callable[[int, int], None] = _nobody,
    watcher: Watcher | None = None,
    reads: bool = False,
) -> Edit | None:
    """Make the edit of an offer.

    Args:
        document: the version that the offer is for.
        offer: the chosen offer.
        ask: requests fills; its errors are raised, except for a start that does not fit.
        budget_ms: for all requests; None for the default of the kind of edit.
        on_progress: called before each request with the number of attempts done and the number of all attempts.
        watcher: told of each step of the model's fills.
        reads: whether the model reads present text (`Info.reads`).

    Returns:
        The edit; None if nothing suitable was found.

    Raises:
        StaleError: the document has changed since the offer.
    """
    attempts = plan(document, offer).attempts
    if budget_ms is None:
        longer = offer.kind == "suggest_edits" or (reads and offer.kind == "repair_syntax")
        budget_ms = SUGGESTIONS_BUDGET_MS if longer else BUDGET_MS
    asking = _Asking(
        document,
        document.part_at(offer.start),
        attempts,
        ask,
        time.perf_counter() + budget_ms / 1000,
        on_progress,
        watcher,
    )
    finders = {**_FINDERS, **_BY_READING} if reads else _FINDERS
    found = await finders[offer.kind](asking)
    return _edit(document, offer, found) if found else None


async def _right(asking: _Asking, is_enough: Callable[[str], bool] = lambda text: bool(text.strip())) -> list[_Found]:
    """Return the first fill that says something new, is enough, and brings in no syntax error."""
    for number, attempt in enumerate(asking.attempts):
        critic = Critic.of(attempt.request(asking.document))
        for fill in await asking.fills(number):
            texts = _trimmed(attempt, fill.texts)
            says_something = any(map(is_enough, texts)) and texts != attempt.present(asking.document)
            if says_something and await _parses(critic, texts) and await _makes_sense(asking, attempt, texts):
                return [_Found(attempt, texts, fill.confidence)]
    return []


async def _body(asking: _Asking) -> list[_Found]:
    """Return the first such fill that does something: a string alone only documents the function."""
    return await _right(asking, lambda text: bool(text.strip()) and not _STRING.fullmatch(text))


async def _mended(asking: _Asking) -> list[_Found]:
    """Return the fill with the fewest errors, of the first attempt that leaves fewer errors, over less text."""
    mend = _Mend.of(asking)
    for number, attempt in enumerate(asking.attempts):
        found = []
        for fill in await asking.fills(number):
            if fewer := await mend.fewer(attempt, fill.texts):
                found.append(_Found(attempt, fill.texts, fill.confidence, fewer))
        if found:
            return [max(found, key=lambda it: it.worth)]
    return []


@dataclass(frozen=True, slots=True)
class _Mend:
    """How much is wrong with a document: the number of errors, and the text that they cover."""

    asking: _Asking
    errors: int
    reach: int

    @classmethod
    def of(cls, asking: _Asking) -> "_Mend":
        """Count what is wrong now."""
        return cls(asking, errors(asking.document, asking.part), _reach(asking.document, asking.part))

    async def fewer(self, attempt: Attempt, texts: Sequence[str]) -> int:
        """Return how many errors fewer texts leave, over less text; 0 if they may not stand."""
        asking = self.asking
        if not keeps_words(attempt.present(asking.document), texts):
            return 0
        after = changed(asking.document, attempt.changes(asking.document, texts))
        # Fewer errors alone say little: a parser that gives up early reports many as one.
        part = grown(asking.part, asking.document, after)
        left = errors(after, part)
        fewer = left < self.errors and _reach(after, part) < self.reach
        stands = fewer and await _is_whole(asking, attempt, texts) and await _makes_sense(asking, attempt, texts)
        return self.errors - left if stands else 0


async def _improved(asking: _Asking) -> list[_Found]:
    """Return the lines that gain most by being revised, as far as they parse together."""
    found = []
    for number, attempt in enumerate(asking.attempts):
        fills = {fill.texts: fill for fill in await asking.fills(number)}
        present, best = fills.pop(attempt.start or (), None), next(iter(fills.values()), None)
        gain = _gain(present, best)
        if best is not None and gain >= LEAST_GAIN and _is_sure(best):
            critic = Critic.of(attempt.request(asking.document))
            if await _parses(critic, best.texts) and await _makes_sense(asking, attempt, best.texts):
                found.append(_Found(attempt, best.texts, best.confidence, gain))
    return _together(asking, found)


def _together(asking: _Asking, found: Sequence[_Found]) -> list[_Found]:
    """Return the findings of most worth, as many as parse together."""
    most = sorted(found, key=lambda it: it.worth, reverse=True)[:MOST_SUGGESTIONS]
    while most and breaks(asking.document, asking.part, _all_changes(asking.document, most)):
        most.pop()
    return most


async def _restored(asking: _Asking) -> list[_Found]:
    """Return the lines that a model that reads would rather have otherwise, as far as they parse together."""
    suspect = await suspects(asking.document, asking.attempts, asking.asked)

    async def fits(gap: Gap, text: str) -> bool:
        attempt = Attempt((gap,))
        return (
            not breaks(asking.document, asking.part, attempt.changes(asking.document, (text,)))
            and await _is_whole(asking, attempt, (text,))
            and await _makes_sense(asking, attempt, (text,))
        )

    restorer, found = Restorer(asking.document, asking.asked, fits), []
    for number, attempt in enumerate(suspect):
        asking.on_progress(number, len(suspect))
        it = await restorer.restored(attempt.gaps[0])
        if it and it.gain >= LEAST_NATS:
            found.append(_of(it))
    best = max((it.worth for it in found), default=0.0)
    return _together(asking, [it for it in found if it.worth >= best / 2])


async def _mended_by_reading(asking: _Asking) -> list[_Found]:
    """Return the most probable text of a faulty line that parses; what the plan finds, if there is none."""
    document, mend = asking.document, _Mend.of(asking)

    async def fits(gap: Gap, text: str) -> bool:
        return await mend.fewer(Attempt((gap,)), (text,)) > 0

    if asking.attempts:
        number = document.place(asking.attempts[0].gaps[0].start)[0]
        restorer = Restorer(document, asking.asked, fits)
        if it := await restorer.restored(code_of_line(document, number)):
            return [_of(it)]
    return await _mended(asking)


def _of(it: Restored) -> _Found:
    return _Found(Attempt((it.gap,)), (it.text,), it.confidence, it.gain)


_FINDERS: Final[Mapping[Kind, Callable[[_Asking], Awaitable[list[_Found]]]]] = MappingProxyType(
    {
        "fill_gap": _right,
        "fill_body": _body,
        "fill_arguments": _right,
        "rewrite_selection": _right,
        "repair_syntax": _mended,
        "suggest_edits": _improved,
    }
)


_BY_READING: Final[Mapping[Kind, Callable[[_Asking], Awaitable[list[_Found]]]]] = MappingProxyType(
    {"repair_syntax": _mended_by_reading, "suggest_edits": _restored}
)


async def _parses(critic: Critic | None, texts: Sequence[str]) -> bool:
    """Report whether texts bring in no syntax error; checked in a thread, so that other work has its turn meanwhile."""
    return critic is None or await asyncio.to_thread(critic.parses, texts)


async def _is_whole(asking: _Asking, attempt: Attempt, texts: Sequence[str]) -> bool:
    """Report whether the lines that a repair changes are right, to Python's own parser too; checked in a thread."""
    changes = attempt.changes(asking.document, texts)
    after = changed(asking.document, changes)
    moved = len(after.text) - len(asking.document.text)
    return not changes or await asyncio.to_thread(_parse_there, after, changes[0].start, changes[-1].end + moved)


def _parse_there(document: Document, start: int, end: int) -> bool:
    """Report whether there is no syntax error on the lines from one position to another."""
    first, last = document.place(start)[0], document.place(end)[0]
    tree = document.tree_at(start)
    line_end = document.offset(last, len(document.line(last)) + 1)
    if tree is not None and faults(tree, document.offset(first, 1), line_end):
        return False
    error_at = document.language.error_at if document.language is not None else None
    text = normalised(document.text)
    at = error_at(text) if error_at is not None else None
    return at is None or not first <= text.count("\n", 0, at) + 1 <= last


async def _makes_sense(asking: _Asking, attempt: Attempt, texts: Sequence[str]) -> bool:
    """Report whether nothing is wrong with what the texts mean together; checked in a thread as well."""
    changes = attempt.changes(asking.document, texts)
    after, moved = changed(asking.document, changes), 0
    for it in changes:
        start = it.start + moved
        if await asyncio.to_thread(fault_within, after, start, start + len(it.text)):
            return False
        moved += len(it.text) - (it.end - it.start)
    return True


def _trimmed(attempt: Attempt, texts: Sequence[str]) -> tuple[str, ...]:
    """Strip a block's blanks at its end, and at its start if its line is already indented."""
    if not attempt.block:
        return tuple(texts)
    first, *others = texts
    ended = [first.lstrip() if attempt.before else first, *others]
    ended[-1] = ended[-1].rstrip()
    return tuple(ended)


def _is_sure(best: Fill) -> bool:
    """Report whether the denoiser was sure of all that it rewrote, and the result is not blank."""
    fresh = [token.confidence for token in best.tokens if token.step > 0 and not token.pinned]
    return any(it.strip() for it in best.texts) and min(fresh, default=1.0) >= LEAST_SURE


def _gain(present: Fill | None, best: Fill | None) -> float:
    """Return the nats per token by which the best fill is more probable than the existing text.

    A model that scores neither, such as Mercury's edit endpoint, has shown its preference by writing it.
    """
    if present is None or best is None:
        return 0.0
    if present.score is None or best.score is None:
        return LEAST_GAIN if present.score is best.score else 0.0
    return best.score - present.score


def _reach(document: Document, part: Part) -> int:
    tree = document.parsed(part)
    return fault_reach(tree) if tree else 0


def _all_changes(document: Document, found: Sequence[_Found]) -> tuple[Change, ...]:
    changes = [change for it in found for change in it.attempt.changes(document, it.texts)]
    return tuple(sorted(changes, key=lambda it: (it.start, it.end)))


def _edit(document: Document, offer: Offer, found: Sequence[_Found]) -> Edit | None:
    changes = _all_changes(document, found)
    if not changes:
        return None
    confidence = min(it.confidence for it in found)
    return Edit(
        name=document.name,
        version=document.version,
        changes=changes,
        label=offer.title,
        description=_description(document, offer, changes, confidence),
        confidence=confidence,
        needs_confirmation=offer.kind in ("rewrite_selection", "repair_syntax", "suggest_edits"),
    )


def _description(document: Document, offer: Offer, changes: Sequence[Change], confidence: float) -> str:
    lines = sorted({document.place(change.start)[0] for change in changes})
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"
    if offer.kind == "suggest_edits":
        return f"The model finds {where} more probable this way; read before you accept."
    return f"Changes {where}; the model is {confidence:.0%} sure."
