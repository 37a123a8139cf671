"""Parses endpoints' answers: events of a stream, lines of JSON, or one JSON value. Must not be specific to one API."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeAlias

import httpx

from infill_lsp.endpoints.api import EndpointError

Values: TypeAlias = AsyncGenerator[object, None]
"""JSON values as they arrive; closing it closes the connection."""

LARGEST: Final = 4_000_000
"""Maximum number of bytes of an answer; no fill is that long."""

END: Final = "[DONE]"
"""The end mark of a stream in OpenAI's and compatible APIs."""


async def values(response: httpx.Response) -> Values:
    """Yield the JSON values of an answer as they arrive.

    Raises:
        EndpointError: the answer is not JSON, or endless.
        httpx.TransportError: the connection was lost.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/event-stream", "application/x-ndjson", "application/jsonl"):
        async with aclosing(_lines(response)) as lines:
            async for line in lines:
                if (data := _data(line, kind)) and data != END:
                    yield _parsed(data)
        return
    yield _parsed("\n".join([it async for it in _lines(response)]))


def _data(line: str, kind: str) -> str:
    """Return the data of a line; empty for comments and event names."""
    if kind != "text/event-stream":
        return line.strip()
    return line[5:].strip() if line.startswith("data:") else ""


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    r"""Yield the lines of an answer. Only \n ends one: httpx's own lines would also end at characters within JSON."""
    rest, size = b"", 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > LARGEST:
            raise EndpointError("The endpoint's answer does not end")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").removesuffix("\r")
    if rest:
        yield rest.decode("utf-8", "replace")


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise EndpointError("The endpoint's answer is not JSON; is infill.endpoint.api the right one?") from None
