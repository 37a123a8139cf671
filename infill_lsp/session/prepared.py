"""Suggestions that are being found for a question which is expected, or which copies have answered for the moment."""

import asyncio
from dataclasses import dataclass

from infill_lsp.completion.question import Question
from infill_lsp.suggestions.suggestion import Suggestion


@dataclass(frozen=True, slots=True)
class Prepared:
    """The work on a question that may come, or may come again.

    Attributes:
        question: what is being answered.
        task: finds the suggestions.
        meanwhile: copies that answered the question until the task ends, if any.
    """

    question: Question
    task: "asyncio.Task[tuple[Suggestion, ...]]"
    meanwhile: tuple[Suggestion, ...] = ()

    def answers(self, question: Question) -> bool:
        """Report whether this is the work on the very question that has come."""
        asked = self.question
        same = (asked.document.text, asked.offset) == (question.document.text, question.offset)
        return same and not question.invoked and question.selected is None

    async def found(self) -> tuple[Suggestion, ...] | None:
        """Return the suggestions, or the copies until they are there; None if the work was ended."""
        if self.meanwhile and not self.task.done():
            return self.meanwhile
        await asyncio.wait({self.task})
        return None if self.task.cancelled() else self.task.result() or self.meanwhile

    @property
    def differs(self) -> bool:
        """Whether the suggestion that was found is another than the copy shown meanwhile."""
        if not self.meanwhile or self.task.cancelled() or self.task.exception() is not None:
            return False
        shown, found = self.meanwhile[0], self.task.result()[:1]
        return any((it.start, it.end, it.text) != (shown.start, shown.end, shown.text) for it in found)
