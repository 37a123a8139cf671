"""How the server is, in the words that people are shown. It knows neither engine nor editor."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """What there is to know about suggestions in a document, as a sentence."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How it is, in the words that people are shown.

    Attributes:
        state: of the engine.
        reason: a sentence when `degraded`.
        model: its name, once it is loaded.
        device: what it runs on.
        inactive: why nothing is suggested in the document asked for last, if so.
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
        """What there is to know about the document asked for last."""
        return tuple(it for it in (self.inactive, self.limited) if it)

    @property
    def of_engine(self) -> str:
        """How the engine is, as a sentence."""
        model = f" ({self.model} on {self.device})" if self.model else ""
        state = f"infill is {self.state}{model}."
        return " ".join(it for it in (state, self.reason) if it)

    @property
    def sentence(self) -> str:
        """All of it."""
        return " ".join((self.of_engine, *(it.reason for it in self.notices)))
