"""`/v1/completions` with `suffix` of OpenAI, and `/v1/fim/completions` of Mistral and Mercury.

Follows OpenAI's and Mistral's API references. A prompt without a suffix is read for markers (`templates`), and
filled at its end if it has none.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Final

from infill_model.request import Fill
from infill_serve.wires import templates
from infill_serve.wires.refused import RefusedError
from infill_serve.wires.wire import (
    MOST_TOKENS,
    Body,
    Wire,
    WireAsk,
    WrittenGap,
    number,
    one_gap,
    options,
    stops,
    text,
    written,
)


def read(body: Body) -> WireAsk:
    """Return the request of a body.

    Raises:
        RefusedError: a field is missing or has an invalid value.
    """
    stop = stops(body)
    prompt, suffix = text(body, "prompt"), text(body, "suffix", "")
    prefix, suffix, files = (None if suffix else templates.parts(prompt)) or (prompt, suffix, ())
    return WireAsk(
        one_gap(body, prefix, suffix, stop, files),
        options(body),
        stream=body.get("stream") is True,
        document=text(body, "user", ""),
        tokens=int(number(body, "max_tokens", MOST_TOKENS, 0, MOST_TOKENS)),
        stop=stop,
        logprobs=body.get("logprobs") not in (None, False),
        model=text(body, "model", ""),
    )


def _choice(ask: WireAsk, index: int, it: WrittenGap, *, reason: str | None) -> Body:
    logprobs = {"tokens": [token.text for token in it.tokens], "token_logprobs": it.logprobs, "top_logprobs": None}
    return {"index": index, "text": it.text, "logprobs": logprobs if ask.logprobs else None, "finish_reason": reason}


def _chat_choice(_: WireAsk, index: int, it: WrittenGap, *, reason: str | None) -> Body:
    return {"index": index, "message": {"role": "assistant", "content": it.text}, "finish_reason": reason}


def _chat_delta(_: WireAsk, index: int, it: WrittenGap, *, reason: str | None) -> Body:
    return {"index": index, "delta": {"role": "assistant", "content": it.text}, "finish_reason": reason}


def _head(kind: str, model: str) -> dict[str, object]:
    return {"id": f"cmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _usage(ask: WireAsk, fills: tuple[Fill, ...]) -> Body:
    count = sum(len(written(ask, it).tokens) for it in fills)
    return {"prompt_tokens": 0, "completion_tokens": count, "total_tokens": count}


def whole(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Body:
    """Return an answer of `/v1/completions`."""
    own = [written(ask, it) for it in fills]
    choices = [_choice(ask, at, it, reason=it.reason) for at, it in enumerate(own)]
    return {**_head("text_completion", model), "choices": choices, "usage": _usage(ask, fills)}


def events(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Iterator[Body]:
    """Yield the events of `/v1/completions`: a token each, then the reason for the end."""
    head = _head("text_completion", model)
    for at, fill in enumerate(fills):
        own = written(ask, fill)
        for token in own.tokens:
            yield {**head, "choices": [_choice(ask, at, WrittenGap((token,), ""), reason=None)]}
        yield {**head, "choices": [_choice(ask, at, WrittenGap((), ""), reason=own.reason)]}


def fim_whole(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Body:
    """Return an answer of `/v1/fim/completions`, which is written like a chat's."""
    own = [written(ask, it) for it in fills]
    choices = [_chat_choice(ask, at, it, reason=it.reason) for at, it in enumerate(own)]
    return {**_head("chat.completion", model), "choices": choices, "usage": _usage(ask, fills)}


def fim_events(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Iterator[Body]:
    """Yield the events of `/v1/fim/completions`."""
    head = _head("chat.completion.chunk", model)
    for at, fill in enumerate(fills):
        own = written(ask, fill)
        for token in own.tokens:
            yield {**head, "choices": [_chat_delta(ask, at, WrittenGap((token,), ""), reason=None)]}
        yield {**head, "choices": [_chat_delta(ask, at, WrittenGap((), ""), reason=own.reason)]}


def error(it: RefusedError) -> Body:
    """Return an error as OpenAI writes it."""
    return {"error": {"message": str(it), "type": it.kind, "param": None, "code": None}}


def fim_error(it: RefusedError) -> Body:
    """Return an error as Mistral writes it."""
    return {"object": "error", "message": str(it), "type": it.kind, "param": None, "code": None}


COMPLETIONS: Final = Wire("openai", "/v1/completions", read, whole, events, error)
FIM: Final = Wire("fim", "/v1/fim/completions", read, fim_whole, fim_events, fim_error)
