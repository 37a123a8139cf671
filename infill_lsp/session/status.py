"""The server's status, in words for the user. Must not depend on engine or editor."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence about suggestions in a document."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The server's status, in words for the user.

    Attributes:
        state: of the engine.
        reason: a sentence when `degraded`.
        model: its name, once it is loaded.
        device: the device that the model runs on.
        inactive: why nothing is suggested in the document of the latest question, if so.
        limited: why less is suggested there than elsewhere, if so.
    """

    state: Literal["starting", "ready", "busy", "degraded"] = "starting"
    reason: str = ""
    model: str = ""
    device: str = ""
    inactive: Notice | None = None
    limited: Notice | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The notices about the document of the latest question."""
        return tuple(it for it in (self.inactive, self.limited) if it)

    @property
    def of_engine(self) -> str:
        """The engine's state as a sentence."""
        model = f" ({self.model} on {self.device})" if self.model else ""
        state = f"infill is {self.state}{model}."
        return " ".join(it for it in (state, self.reason) if it)

    @property
    def sentence(self) -> str:
        """The whole status as text."""
        return " ".join((self.of_engine, *(it.reason for it in self.notices)))
