"""Asks the user whether code may be sent to the endpoint of the settings. Must not depend on an editor.

The answer "Allow" is stored permanently; any other holds until the server ends.
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
"""Asks a question with given answers; returns None if the user picks none."""


def refusal(settings: EndpointSettings | None) -> str | None:
    """Return why nothing is sent yet; None if sending is allowed, or impossible, which the engine then reports."""
    try:
        return permissions.refusal(settings) if settings else None
    except EndpointError:
        return None


class Consent:
    """The permissions the user was asked for while the server runs."""

    def __init__(self) -> None:
        self._asked: set[Permission] = set()

    async def ask(self, settings: EndpointSettings | None, choice: Choice) -> bool:
        """Ask the user, unless already asked; return whether that changed anything.

        Raises:
            SourceError: the answer cannot be stored.
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
