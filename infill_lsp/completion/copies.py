"""Copies from the document and the excerpts, found without an engine: what may be shown until the model answers."""

from collections.abc import Callable
from dataclasses import dataclass

from infill_model.infill.copied import fills_of_copies
from infill_model.request import Fill, Frame, Info, Options, Request


@dataclass(frozen=True, slots=True)
class Copies:
    """Stands in for an engine; its fills are copies, each with the share of such copies that are right."""

    info: Info | None = None

    async def ask(
        self,
        request: Request,
        options: Options,
        *,
        stream: str = "",
        on_draft: Callable[[Frame], None] | None = None,
    ) -> tuple[Fill, ...]:
        """Return at most `options.n` copies that fit the gaps, the most probable first; nothing is waited for."""
        return tuple(fills_of_copies(request, options.n))
