"""What endpoints answer, taken from the wire: events of a stream, lines of JSON, or one JSON. It knows no API."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeAlias

import httpx

from infill_lsp.endpoints.api import EndpointError

Values: TypeAlias = AsyncGenerator[object, None]
"""JSON values as they come; closing it closes the connection."""

LARGEST: Final = 4_000_000
"""Bytes of an answer; no fill is that long."""

END: Final = "[DONE]"
"""What OpenAI, and those who do as OpenAI does, say at the end of a stream."""


async def values(response: httpx.Response) -> Values:
    """The JSON values of an answer as they come.

    Raises:
        EndpointError: it is no JSON, or endless.
        httpx.TransportError: the connection broke off.
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
    """What a line carries; empty for comments and for names of events."""
    if kind != "text/event-stream":
        return line.strip()
    return line[5:].strip() if line.startswith("data:") else ""


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    r"""The lines of an answer. Only \n ends one: httpx's own lines would also end at characters within JSON."""
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
