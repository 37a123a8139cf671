"""How much one user may ask: requests a second, in bursts, and at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infill_serve.wires.refused import RefusedError


@dataclass(frozen=True, slots=True)
class UserLimits:
    """What one user may ask of a server.

    Attributes:
        body: bytes of a request.
        rate: requests a second of one user in the long run; a burst may have twice as many.
        at_once: requests of one user in progress.
        seconds: within which a request must have arrived whole, and again within which it must be answered.
    """

    body: int = 2_000_000
    rate: float = 20.0
    at_once: int = 16
    seconds: float = 30.0


@dataclass(slots=True)
class _Account:
    """What one user may still ask: requests left as of a time, and those in progress."""

    left: float
    at: float
    running: int = 0


class Users:
    """The accounts of all users: a token bucket each."""

    def __init__(self, limits: UserLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._accounts: dict[str, _Account] = {}

    @contextmanager
    def request(self, user: str) -> Iterator[None]:
        """Account for one request.

        Raises:
            RefusedError: 429, the user asks too much.
        """
        limits, now = self._limits, self._clock()
        burst = max(1.0, 2 * limits.rate)
        own = self._accounts.setdefault(user, _Account(burst, now))
        own.left, own.at = min(burst, own.left + (now - own.at) * limits.rate), now
        if own.running >= limits.at_once:
            raise RefusedError(429, "rate_limit_error", f"More than {limits.at_once} requests at once", 1)
        if own.left < 1:
            wait = max(1, round((1 - own.left) / limits.rate))
            raise RefusedError(429, "rate_limit_error", f"More than {limits.rate:g} requests a second", wait)
        own.left -= 1
        own.running += 1
        try:
            yield
        finally:
            own.running -= 1
