"""Decides when an engine is considered hung: how long it may be silent, and how long it may load.

The reader of an engine's messages reports each of them here. Must not depend on processes.
"""

from dataclasses import dataclass
from typing import Final

BEAT: Final = 1.0
"""Seconds between two signs of life of an engine."""


@dataclass(frozen=True, slots=True)
class HangLimits:
    """Seconds after which an engine is considered hung.

    Attributes:
        silence: without a sign of life, once its model is loaded.
        silence_while_loading: the same before that: native code reading libraries and weights may block all else.
        load: until its model is loaded, with or without signs of life.
    """

    silence: float = 10.0
    silence_while_loading: float = 120.0
    load: float = 1800.0


@dataclass(slots=True)
class Watchdog:
    """Counter of how long one run of an engine has been silent.

    Time is counted in calls, not taken from a clock: a server that was itself stopped must not blame its engine.
    """

    limits: HangLimits
    _silent: float = 0.0
    _loading: float = 0.0
    _loaded: bool = False

    @property
    def tick(self) -> float:
        """Seconds between two calls of `passed`."""
        return min(BEAT, self.limits.silence / 4)

    def heard(self) -> None:
        """Record that the engine sent a message."""
        self._silent = 0.0

    def loaded(self) -> None:
        """Record that the engine's model is loaded."""
        self._loaded = True

    def passed(self, seconds: float) -> str:
        """Count time; return why the engine is considered hung, as the rest of a sentence, or an empty string."""
        self._silent += seconds
        self._loading += seconds
        limit = self.limits.silence if self._loaded else self.limits.silence_while_loading
        if self._silent >= limit:
            return f"gave no sign of life for {limit:g} s and was ended"
        if not self._loaded and self._loading >= self.limits.load:
            return f"had not loaded its model after {self.limits.load:g} s and was ended"
        return ""
