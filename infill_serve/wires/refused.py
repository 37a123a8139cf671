"""What a request is refused with: a status, a kind, and a sentence that never repeats the code it came with."""

from typing import Final

RETRY_AFTER: Final = 1
"""Seconds after which a busy server may be asked again."""


class RefusedError(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        kind: as OpenAI's errors name it.
        retry_after: seconds; None if asking again does not help.
    """

    def __init__(self, status: int, kind: str, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.kind, self.retry_after = status, kind, retry_after

    def __reduce__(self) -> tuple[type["RefusedError"], tuple[int, str, str, int | None]]:
        """Travel between processes."""
        return type(self), (self.status, self.kind, str(self), self.retry_after)


def invalid(sentence: str, status: int = 400) -> RefusedError:
    """Return the error of a request that cannot be understood."""
    return RefusedError(status, "invalid_request_error", sentence)


def busy(sentence: str) -> RefusedError:
    """Return the error of a server that has too much to do."""
    return RefusedError(503, "server_busy", sentence, RETRY_AFTER)
