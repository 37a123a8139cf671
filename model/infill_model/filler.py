"""What a model is to those who ask it: text around gaps in, fills out. It needs no torch."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic

OnDraft: TypeAlias = Callable[[Frame], None]
"""Told of a draft while it is written."""


def never() -> bool:
    """Nobody cancels."""
    return False


class Filler(Protocol):
    """Fills gaps, one request at a time; not for several threads at once."""

    @property
    def info(self) -> Info:
        """What the model says of itself."""

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
            options: how many fills are wanted, and how they are made; what a model has no use for is not heeded.
            cancelled: asked before each step; the fill ends within one once it is true.
            critic: judges finished drafts; of different fills those that it objects to come last.
            on_draft: told of the first draft after each step.

        Returns:
            Different fills, at most `options.n`, the one most probably right first; none where only copies are wanted
            (`options.copies_only`) and there is nothing to copy. Gaps that a model cannot fill together are filled in
            turn, once, without the critic.

        Raises:
            InfillModelError: the request or its options cannot be met; it says why.
        """
