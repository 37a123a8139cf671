"""The straight line of one request: document and cursor, target, request, engine, refined insertions. Read this first.

It knows no LSP types, no open documents and nothing of when a request is cancelled.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from infill_lsp.document import ABOVE, Document, Gap, normalised
from infill_lsp.engine.fallback import FallbackEngine
from infill_lsp.question import Question, Surroundings, knows_language
from infill_lsp.secret_texts import looks_secret
from infill_lsp.settings import ServerSettings
from infill_lsp.suggestions.insertion import Dropped, Insertion
from infill_lsp.suggestions.refine import REFINEMENTS, refine
from infill_lsp.suggestions.worth import no_secrets
from infill_lsp.syntax.critic import FAR, Critic
from infill_lsp.syntax.gap import Target, target_at
from infill_lsp.watching import Film, Watcher, filmed
from infill_model.request import Fill, Options, Request

_MARGIN: Final = 0.35
"""Seconds that the engine may take beyond its budget to encode what it has not seen before, and to answer."""


_JUDGED: Final = 2 * FAR + 1
"""Code points on each side that the critic is given: more than it looks at, were every other one half of a line end."""

_REFINEMENTS: Final = (*REFINEMENTS, no_secrets(looks_secret))


async def complete(
    question: Question,
    surroundings: Surroundings,
    engine: FallbackEngine,
    settings: ServerSettings,
    on_why: Callable[[str], None] = lambda sentence: None,
    watcher: Watcher | None = None,
) -> tuple[Insertion, ...]:
    """What to insert, best first; nothing when there is nothing good in time.

    Args:
        question: what is asked.
        surroundings: what else the model is told.
        engine: that is asked.
        settings: that hold now.
        on_why: called with a sentence for whatever keeps something from being shown.
        watcher: told of each step of the first fill.

    Raises:
        InfillError: the engine cannot, or may not, answer.
    """
    asked = with_selected(question)
    target = target_at(asked.document, asked.offset, invoked=asked.invoked)
    if target.kind == "none":
        on_why(target.why)
        return ()
    request = _request(asked.document, target, surroundings)
    film = filmed(watcher, asked.document, target.gaps)
    fills = await _fills(request, question, engine, settings, film)
    if not fills:
        on_why("The engine found nothing in time.")
    floor = 0.0 if question.invoked else settings.confidence  # Who asks by hand wants the best there is.
    shown: dict[tuple[int, int, str], Insertion] = {}  # Fills may differ in no more than what is cut off.
    for fill in fills:
        found = await _refined(asked.document, target, request, fill, floor)
        found = found if isinstance(found, Dropped) else _shown(question, found)
        if isinstance(found, Dropped):
            on_why(f"A fill is not shown: {found.reason}.")  # Its text stays out of logs: it may be a secret.
        else:
            shown.setdefault((found.start, found.end, found.text), found)
    return tuple(shown.values())


async def _fills(
    request: Request, question: Question, engine: FallbackEngine, settings: ServerSettings, film: Film | None
) -> tuple[Fill, ...]:
    """What the engine writes, if it does so in time."""
    budget = settings.budget_ms(question.invoked)
    options = Options(
        n=settings.candidates if question.invoked else 1,
        budget_ms=budget,
        copies_only=not knows_language(engine.info, question.document),
    )
    try:
        async with asyncio.timeout(budget / 1e3 + _MARGIN):
            fills = await engine.ask(request, options, stream=question.document.name, on_draft=film)
    except TimeoutError:
        return ()
    if film and fills:
        film.end(fills[0])
    return fills


def with_selected(question: Question) -> Question:
    """The question as it would be if the selected completion had been accepted."""
    if question.selected is None:
        return question
    gap, text = question.selected.gap, question.selected.text
    return replace(question, document=question.document.edited(gap.start, gap.end, text), offset=gap.start + len(text))


def _request(document: Document, target: Target, surroundings: Surroundings) -> Request:
    request = document.request(target.gaps, block=target.block)
    return replace(request, prefix=normalised(surroundings.before[-ABOVE:]) + request.prefix, files=surroundings.files)


async def _refined(
    document: Document, target: Target, request: Request, fill: Fill, floor: float
) -> Insertion | Dropped:
    """What is left of a fill that is sure enough, fits its place and parses there."""
    first, *others = fill.texts
    text = first + "".join(a + b for a, b in zip(request.between, others, strict=True))
    written = Insertion(target.gaps[0].start, target.gaps[-1].end, text, fill.confidence)
    if written.confidence < floor:
        return Dropped(f"its confidence {written.confidence:.2f} is below {floor:.2f}")
    refined = refine(document, target, written, _REFINEMENTS)
    # In a thread: a language's own parser may have to be asked dozens of times, and other documents have their turn.
    if isinstance(refined, Insertion) and not await asyncio.to_thread(_parses, document, refined):
        return Dropped("it breaks the syntax")
    return refined


def _parses(document: Document, insertion: Insertion) -> bool:
    """Whether the insertion brings no syntax error into the document; where no grammar can tell, it does not."""
    if document.language is None or document.language.grammar is None:
        return True
    part = max(0, insertion.start - _JUDGED), insertion.end + _JUDGED
    around = document.pieces([Gap(insertion.start, insertion.end)], part)
    return Critic([normalised(it) for it in around], document.language).parses([insertion.text])


def _shown(question: Question, insertion: Insertion) -> Insertion | Dropped:
    place = _for_selected if question.selected else _for_cursor
    return place(question, insertion) or Dropped("an editor cannot show it here")


def _for_cursor(question: Question, insertion: Insertion) -> Insertion | None:
    """The insertion, if an editor can show it: on one line, and at the cursor or over its indentation."""
    document, start, end = question.document, insertion.start, insertion.end
    line, column = document.place(start)
    if document.place(end)[0] != line or not start <= question.offset <= end:
        return None
    in_front = document.text[start : question.offset]
    if in_front and (column != 1 or in_front.strip()) and not insertion.text.startswith(in_front):
        return None
    return insertion


def _for_selected(question: Question, insertion: Insertion) -> Insertion | None:
    """The insertion behind the selected completion, together with that, in the place of what it would replace."""
    if question.selected is None:
        return None
    gap, selected = question.selected.gap, question.selected.text
    cursor = gap.start + len(selected)
    replaced = with_selected(question).document.text[cursor : insertion.end]
    if insertion.start != cursor or not insertion.text.endswith(replaced):
        return None
    text = insertion.text.removesuffix(replaced)
    return replace(insertion, start=gap.start, end=gap.end, text=selected + text) if text else None
