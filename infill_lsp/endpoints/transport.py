"""Sends requests to one endpoint: adds the key, retries if that may help, closes connections that are abandoned.

Must not be specific to one API. Its error messages name the host and the status: nothing that an endpoint writes
about its errors is repeated, because some repeat the key or the code, in whole or in part.
"""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx

from infill_lsp.endpoints import stream
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.api_key import read_key
from infill_lsp.endpoints.permissions import Destination, destination
from infill_lsp.settings.settings import EndpointSettings

_CONNECT: Final = 5.0
"""Seconds for connecting."""

_PASSING: Final = (408, 425, 429, 500, 502, 503, 504, 529)
"""Statuses after which another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When to retry: after about `first` seconds, twice as long each time, `most` times, or when the endpoint says.

    If the endpoint asks to wait for more than `longest` seconds, the user is told instead. After `silence` seconds
    without a byte the request is given up; a request with a budget ends with the budget.
    """

    first: float = 0.2
    longest: float = 5.0
    most: int = 3
    silence: float = 30.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after this attempt, counted from 0; random, to spread out the clients."""
        return min(self.first * 2.0**attempt, self.longest) * random.uniform(0.5, 1.0)  # noqa: S311  # No secret.


class _PassingError(Exception):
    """A failure that may not recur at the next attempt: after `wait` seconds if the endpoint says so."""

    def __init__(self, sentence: str, wait: float | None = None) -> None:
        super().__init__(sentence)
        self.wait = wait


class Transport:
    """The connections to one endpoint. For one event loop."""

    def __init__(self, settings: EndpointSettings, retry: Retry | None = None) -> None:
        """Connect to nothing yet.

        Raises:
            EndpointError: the URL is wrong.
        """
        self._settings, self._retry = settings, retry or Retry()
        self.place: Destination = destination(settings)
        self._key: str | None = None
        # Proxies in the environment are for the outside world; requests to this machine stay on it.
        timeout = httpx.Timeout(self._retry.silence, connect=_CONNECT)
        self._client = httpx.AsyncClient(follow_redirects=False, timeout=timeout, trust_env=not self.place.loopback)

    async def values(self, path: str, body: Mapping[str, object], deadline: float | None) -> stream.Values:
        """Yield the JSON values that the endpoint answers. Leaving the iteration closes the connection.

        Args:
            path: path of the API.
            body: the request body, sent as JSON.
            deadline: time on `time.monotonic` after which no retry is made.

        Raises:
            EndpointError: there is no answer, or it was cut off.
        """
        for attempt in itertools.count():
            begun = False
            try:
                async with aclosing(self._once(path, body)) as found:
                    async for value in found:
                        begun = True
                        yield value
                return
            except _PassingError as problem:
                wait = self._retry.delay(attempt) if problem.wait is None else problem.wait
                too_late = deadline is not None and time.monotonic() + wait > deadline
                if begun or attempt >= self._retry.most or wait > self._retry.longest or too_late:
                    raise EndpointError(str(problem)) from None
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _once(self, path: str, body: Mapping[str, object]) -> stream.Values:
        if self._key is None:
            self._key = await read_key(self._settings)
        head = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
        if self._key:
            head["authorization"] = f"Bearer {self._key}"
        # Not httpx's own JSON: it cannot encode half a surrogate pair, and repeats the code in its error.
        data = json.dumps(body).encode("ascii")
        host = self.place.host
        try:
            async with self._client.stream("POST", self.place.base + path, content=data, headers=head) as response:
                self._check(response, path)
                async with aclosing(stream.values(response)) as found:
                    async for value in found:
                        if _is_error(value):
                            raise EndpointError(f"{host} reported an error while it was writing")
                        yield value
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise _PassingError(f"{host} cannot be reached; is the endpoint running?") from None
        except httpx.TimeoutException:
            raise _PassingError(f"{host} took too long to answer: {self._retry.silence:g} s without a byte") from None
        except httpx.TransportError:
            raise _PassingError(f"{host} closed the connection in the middle of its answer") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EndpointError(f"The request to {host} failed: {type(error).__name__}") from None

    def _check(self, response: httpx.Response, path: str) -> None:
        status, host = response.status_code, self.place.host
        if status == httpx.codes.OK:
            return
        why = _reason(status)
        if response.is_redirect:
            raise EndpointError(f"{host} redirects, and code is never sent on; is infill.endpoint.url right?")
        if status in (401, 403):
            self._key = None  # A command may print another one the next time.
            raise EndpointError(f"{host} rejects the key ({why}){self._where_it_is()}")
        if status == httpx.codes.NOT_FOUND:
            raise EndpointError(f"{host} has no {path}, or no such model ({why}); see infill.endpoint.api and model")
        if status in _PASSING:
            raise _PassingError(f"{host} cannot answer now ({why})", _wait(response))
        raise EndpointError(f"{host} refuses the request ({why}); see infill.endpoint.api and model")

    def _where_it_is(self) -> str:
        settings = self._settings
        if settings.key_environment or settings.key_command:
            return ""
        return "; say where the key is with infill.endpoint.keyEnvironment or keyCommand"


def _reason(status: int) -> str:
    """Return a status with the standard's phrase for it, not the endpoint's own."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status}"


def _is_error(value: object) -> bool:
    """Report whether an answer is an error, in the format of any API."""
    match value:
        case {"error": error} if error:
            return True
        case {"message": str(words)} | {"detail": str(words)}:
            return bool(words)
    return False


def _wait(response: httpx.Response) -> float | None:
    """Return the seconds that Retry-After asks for, as a number or as a date."""
    text = response.headers.get("retry-after", "")
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
