"""The path of one request: question, target, request, fills, suggestions. Read this first.

Editors and the command line share this path. Must not import LSP types, and handles neither open documents nor the
cancelling of requests.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from infill_lsp.completion.clock import Asks
from infill_lsp.completion.question import Question, Surroundings, knows_language
from infill_lsp.meaning.judge import fault
from infill_lsp.privacy.secret_texts import looks_secret
from infill_lsp.settings.settings import ServerSettings
from infill_lsp.suggestions.filters import is_mere_closer, no_secrets
from infill_lsp.suggestions.parts import SURE, sure_parts
from infill_lsp.suggestions.refine import REFINEMENTS, refine
from infill_lsp.suggestions.suggestion import Dropped, Suggestion
from infill_lsp.suggestions.words import completed_word, invented_word, only_completes_a_name
from infill_lsp.syntax.critic import FAR, Critic
from infill_lsp.targets.target import Target, target_at
from infill_lsp.text.document import ABOVE, Document, Gap, normalised
from infill_lsp.text.progress import Watcher, filmed
from infill_model.request import Fill, Frame, Options, Request

_MARGIN: Final = 0.35
"""Seconds that the engine may take beyond its budget to encode new text, and to answer."""

_JUDGED: Final = 2 * FAR + 1
"""Code points on each side for the critic: more than it looks at, even if every other one were half of a line end."""

_UNLIKELY: Final = 0.005
"""The confidence below which a suggestion is not worth showing beside others, even to someone who asked by hand."""

_REFINEMENTS: Final = (*REFINEMENTS, no_secrets(looks_secret))


@dataclass(frozen=True, slots=True)
class Completion:
    """A fill, and its outcome.

    Attributes:
        request: the request to the model.
        fill: the model's answer.
        suggestion: the fill fitted to its place; as the model wrote it if refused.
        refused: why it must not be shown, in a few words; empty if it may be.
    """

    request: Request
    fill: Fill
    suggestion: Suggestion
    refused: str = ""


async def complete(
    question: Question,
    surroundings: Surroundings,
    engine: Asks,
    settings: ServerSettings,
    on_why: Callable[[str], None] = lambda sentence: None,
    watcher: Watcher | None = None,
) -> tuple[Suggestion, ...]:
    """Find suggestions for an editor, best first; none if there is nothing good in time.

    Args:
        question: the question to answer.
        surroundings: further context for the model.
        engine: the engine to ask.
        settings: the current settings.
        on_why: called with a sentence for each reason not to show something.
        watcher: told of each step of the first fill.

    Raises:
        InfillError: the engine cannot, or may not, answer.
    """
    asked = with_selected(question)
    target = target_of(asked)
    if target.kind == "none":
        on_why(target.why)
        return ()
    film = filmed(watcher, asked.document, target.gaps)
    budget = settings.budget_ms(question.invoked)
    options = Options(n=settings.candidates if question.invoked else 1, budget_ms=budget)
    floor = 0.0 if question.invoked else settings.confidence  # A user who asks by hand wants the best available.
    try:
        async with asyncio.timeout(budget / 1e3 + _MARGIN):
            fills = await fills_of(asked.document, target, surroundings, engine, options, on_draft=film)
    except TimeoutError:
        fills = []
    if film and fills:
        film.end(fills[0][1])
    if not fills:
        on_why("The engine found nothing in time.")
    shown: dict[tuple[int, int, str], Suggestion] = {}  # Fills may differ only in parts that are cut off.
    for request, fill in fills:
        found = await judged(asked.document, target, request, fill, floor, surroundings.before)
        one = Dropped(found.refused) if found.refused else _shown(question, found.suggestion)
        if shown and isinstance(one, Suggestion) and not _is_another(one, shown.values()):
            one = Dropped("it is no idea of its own, or an unlikely one")
        if isinstance(one, Dropped):
            on_why(f"A fill is not shown: {one.reason}.")  # Its text must stay out of logs: it may be a secret.
        else:
            shown.setdefault((one.start, one.end, one.text), one)
    return tuple(shown.values())


def target_of(question: Question) -> Target:
    """Return the gaps to fill: those that the question names, else those that suit the cursor's place."""
    if question.gaps:
        return Target("selection", question.gaps, block=False, why="These gaps were requested.")
    return target_at(question.document, question.offset, invoked=question.invoked)


async def fills_of(
    document: Document,
    target: Target,
    surroundings: Surroundings,
    engine: Asks,
    options: Options,
    *,
    on_draft: Callable[[Frame], None] | None = None,
) -> list[tuple[Request, Fill]]:
    """Ask the engine to fill a target; in a language that the model was not trained on, only with copies."""
    request = document.request(target.gaps, block=None if target.kind == "selection" else target.block)
    before = normalised(surroundings.before[-ABOVE:])
    request = replace(request, prefix=before + request.prefix, files=surroundings.files)
    options = replace(options, copies_only=not knows_language(engine.info, document))
    fills = await engine.ask(request, options, stream=document.name, on_draft=on_draft)
    return [(request, it) for it in fills]


async def judged(
    document: Document, target: Target, request: Request, fill: Fill, floor: float, before: str = ""
) -> Completion:
    """Fit a fill to its place, and decide whether it, or a part of it, may be shown; this is decided nowhere else.

    The part that the model is sure of stands in for a fill that is refused, unless the user named the gap.
    """
    first, *others = fill.texts
    text = first + "".join(a + b for a, b in zip(request.between, others, strict=True))
    written = Suggestion(target.gaps[0].start, target.gaps[-1].end, text, fill.confidence)
    fitted = await _fitted(document, target, request, written, before, floor)
    if isinstance(fitted, Suggestion):
        return Completion(request, fill, fitted)
    named = target.kind == "selection"
    parts = () if named else await asyncio.to_thread(_parts, document, target, fill, floor, before)
    for text, confidence in parts:
        part = replace(written, text=text, confidence=confidence)
        stands_in = await _fitted(document, target, request, part, before)
        if isinstance(stands_in, Suggestion):
            return Completion(request, fill, stands_in)
    return Completion(request, fill, written, fitted.reason)


def _parts(document: Document, target: Target, fill: Fill, floor: float, before: str) -> tuple[tuple[str, float], ...]:
    """Return what may stand in for a fill, the longest first: its sure beginnings, and a word to complete."""
    word = completed_word(document, target.gaps[0].start, fill.texts[0], before)
    return (*sure_parts(fill, floor), *([word] if word is not None and word[1] >= floor else ()))


async def _fitted(
    document: Document, target: Target, request: Request, written: Suggestion, before: str, floor: float = 0.0
) -> Suggestion | Dropped:
    """Fit a suggestion to its place, and drop what must not be shown; with a floor, what is not worth a look either."""
    if written.confidence < floor:
        return Dropped(f"its confidence {written.confidence:.2f} is below {floor:.2f}")
    exact = target.kind == "selection" and len(target.gaps) > 1  # Text between gaps that were named stays as it is.
    refined = written if exact else refine(document, target, written, _REFINEMENTS)
    if isinstance(refined, Dropped):
        return refined
    # In a thread: a language's own parser may need dozens of calls, during which other documents must have their turn.
    if wrong := await asyncio.to_thread(_fault, document, refined, (*request.files, before), before):
        return Dropped(wrong)
    if floor and refined.confidence < SURE and is_mere_closer(refined):
        return Dropped("it is typed faster than read")
    return refined


def with_selected(question: Question) -> Question:
    """Return the question as it would be if the selected completion had been accepted."""
    if question.selected is None:
        return question
    gap, text = question.selected.gap, question.selected.text
    return replace(question, document=question.document.edited(gap.start, gap.end, text), offset=gap.start + len(text))


def _fault(document: Document, suggestion: Suggestion, others: Iterable[str], before: str) -> str:
    """Return the first fault of a suggestion in words, syntax or meaning; an empty string if there is none."""
    if invented_word(document, suggestion, others):
        return "it makes a word that is not in use"  # Not which: it may be a secret.
    if not only_completes_a_name(document, suggestion) and not _parses(document, suggestion):
        return "it breaks the syntax"
    return fault(document, suggestion.start, suggestion.end, suggestion.text, before)


def _parses(document: Document, suggestion: Suggestion) -> bool:
    """Report whether a suggestion brings no syntax error into the document; true where no grammar can tell."""
    if document.language is None or document.language.grammar is None:
        return True
    part = max(0, suggestion.start - _JUDGED), suggestion.end + _JUDGED
    around = document.pieces([Gap(suggestion.start, suggestion.end)], part)
    return Critic([normalised(it) for it in around], document.language).parses([suggestion.text])


def _shown(question: Question, suggestion: Suggestion) -> Suggestion | Dropped:
    place = _for_selected if question.selected else _for_cursor
    return place(question, suggestion) or Dropped("an editor cannot show it here")


def _is_another(one: Suggestion, shown: Iterable[Suggestion]) -> bool:
    """Report whether a suggestion beside others is likely enough, and not merely the beginning of one of them."""
    return one.confidence >= _UNLIKELY and not any(it.text.startswith(one.text) for it in shown)


def _for_cursor(question: Question, suggestion: Suggestion) -> Suggestion | None:
    """Return the suggestion if an editor can show it: on one line, and at the cursor or over its indentation."""
    document, start, end = question.document, suggestion.start, suggestion.end
    line, column = document.place(start)
    if document.place(end)[0] != line or not start <= question.offset <= end:
        return None
    in_front = document.text[start : question.offset]
    if in_front and (column != 1 or in_front.strip()) and not suggestion.text.startswith(in_front):
        return None
    return suggestion


def _for_selected(question: Question, suggestion: Suggestion) -> Suggestion | None:
    """Join the selected completion and the suggestion after it, to replace what the completion would."""
    if question.selected is None:
        return None
    gap, selected = question.selected.gap, question.selected.text
    cursor = gap.start + len(selected)
    replaced = with_selected(question).document.text[cursor : suggestion.end]
    if suggestion.start != cursor or not suggestion.text.endswith(replaced):
        return None
    text = suggestion.text.removesuffix(replaced)
    return replace(suggestion, start=gap.start, end=gap.end, text=selected + text) if text else None
