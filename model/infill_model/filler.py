"""The interface of a model: text around gaps in, fills out. Must not import torch."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic

OnDraft: TypeAlias = Callable[[Frame], None]
"""Called with the draft while it is being written."""


def never() -> bool:
    """Never cancel."""
    return False


class Filler(Protocol):
    """Fills gaps, one request at a time; not thread-safe."""

    @property
    def info(self) -> Info:
        """The model's description of itself."""

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request.

        Args:
            request: the code around the gaps.
            options: the number of fills wanted and how to make them; a model ignores those it does not use.
            cancelled: called before each step; once it returns true, the fill ends within one step.
            critic: judges finished drafts; among different fills, those that it objects to come last.
            on_draft: called with the first draft after each step.

        Returns:
            Different fills, at most `options.n`, the most probable first; none if only copies are wanted
            (`options.copies_only`) and there is nothing to copy. Gaps that a model cannot fill together are filled in
            turn, once, without the critic.

        Raises:
            InfillModelError: the request or its options cannot be met; the message says why.
        """


class SharedFiller(Protocol):
    """Fills gaps of several documents; thread-safe."""

    @property
    def info(self) -> Info:
        """The model's description of itself."""

    @property
    def batches(self) -> tuple[int, int]:
        """The number of forwards so far, and of rows in all of them; zeros if requests do not share any."""

    def fill(
        self,
        document: str,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request as `Filler.fill` does; `document` says whose cache to use.

        There may be no fill of a request that was cancelled.
        """
