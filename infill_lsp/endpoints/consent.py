"""Whether the user lets code be sent to the endpoint of the settings, and how they are asked. It knows no editor.

The answer "Allow" is written down for good; any other holds until the server ends.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from infill_lsp.endpoints import permissions
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.permissions import Permission
from infill_lsp.settings.settings import EndpointSettings

ALLOW: Final = "Allow"
NOT_NOW: Final = "Not now"

Choice = Callable[..., Awaitable[str | None]]
"""Asks a question with some answers; None where there is none."""


def refusal(settings: EndpointSettings | None) -> str | None:
    """Why nothing is sent yet; None where something may be, or nothing can be: what is wrong then, the engine says."""
    try:
        return permissions.refusal(settings) if settings else None
    except EndpointError:
        return None


class Consent:
    """What the user was asked while the server runs."""

    def __init__(self) -> None:
        self._asked: set[Permission] = set()

    async def ask(self, settings: EndpointSettings | None, choice: Choice) -> bool:
        """Ask the user where they have not been asked; returns whether that changed anything.

        Raises:
            SourceError: the answer cannot be written down.
        """
        if settings is None or refusal(settings) is None:
            return False
        wanted = permissions.needed(settings)
        if wanted is None or wanted in self._asked:
            return False
        self._asked.add(wanted)
        if await choice(permissions.question(wanted), ALLOW, NOT_NOW) != ALLOW:
            return False
        permissions.allow(wanted)
        return True
