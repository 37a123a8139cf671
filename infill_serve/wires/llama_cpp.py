"""`/infill` of llama.cpp's server, as llama.vim and llama.vscode ask it (tools/server/README.md)."""

from collections.abc import Iterator
from typing import Final

from infill_model.request import Fill
from infill_serve.wires.refused import RefusedError, invalid
from infill_serve.wires.wire import MOST_TOKENS, Body, Wire, WireAsk, number, one_gap, options, stops, text, written


def read(body: Body) -> WireAsk:
    """Return the request of a body; `prompt` is what stands in the gap's line before it.

    Raises:
        RefusedError: a field is missing or has an invalid value.
    """
    stop = stops(body)
    prefix = text(body, "input_prefix", "") + text(body, "prompt", "")
    budget = number(body, "t_max_predict_ms", 0, 0, 60_000)
    tokens = number(body, "n_predict", -1, -1, MOST_TOKENS)
    return WireAsk(
        one_gap(body, prefix, text(body, "input_suffix", ""), stop, _files(body)),
        options(body, budget or None),
        stream=body.get("stream") is True,
        tokens=MOST_TOKENS if tokens < 0 else int(tokens),
        stop=stop,
        logprobs=number(body, "n_probs", 0, 0, 100) > 0,
        model=text(body, "model", ""),
    )


def _files(body: Body) -> list[str]:
    extra = body.get("input_extra") or []
    if not isinstance(extra, list) or not all(isinstance(it, dict) for it in extra):
        raise invalid("`input_extra` must be a list of objects with `filename` and `text`")
    return [text(it, "text", "") for it in extra]


def _end(ask: WireAsk, fill: Fill | None, model: str) -> dict[str, object]:
    """Return the fields of the last event."""
    own = written(ask, fill) if fill else None
    count, ms = len(own.tokens) if own else 0, fill.ms.denoise if fill else 0.0
    encode = fill.ms.encode if fill else 0.0
    return {
        "index": 0,
        "stop": True,
        "model": model,
        "stop_type": "limit" if own and own.reason == "length" else "eos",
        "tokens_predicted": count,
        "tokens_evaluated": 0,
        "tokens_cached": 0,
        "truncated": False,
        "generation_settings": {},
        "timings": {
            "prompt_n": 0,
            "prompt_ms": encode,
            "prompt_per_second": 0.0,
            "predicted_n": count,
            "predicted_ms": ms,
            "predicted_per_second": count * 1000 / ms if ms else 0.0,
        },
    }


def _probabilities(ask: WireAsk, tokens: list[tuple[str, float]]) -> Body:
    if not ask.logprobs:
        return {}
    return {"completion_probabilities": [{"token": token, "logprob": logprob} for token, logprob in tokens]}


def whole(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Body:
    """Return an answer with the first fill, the only one that this API has."""
    if not fills:
        return {"content": "", **_end(ask, None, model)}
    own = written(ask, fills[0])
    tokens = [(it.text, logprob) for it, logprob in zip(own.tokens, own.logprobs, strict=True)]
    return {"content": own.text, **_probabilities(ask, tokens), **_end(ask, fills[0], model)}


def events(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Iterator[Body]:
    """Yield the tokens of the first fill, then the end."""
    if fills:
        own = written(ask, fills[0])
        for token, logprob in zip(own.tokens, own.logprobs, strict=True):
            yield {"index": 0, "content": token.text, "stop": False, **_probabilities(ask, [(token.text, logprob)])}
    yield {"content": "", **_end(ask, fills[0] if fills else None, model)}


_KINDS: Final = {401: "authentication_error", 404: "not_found_error", 503: "unavailable_error"}


def error(it: RefusedError) -> Body:
    """Return an error as llama.cpp writes it."""
    return {"error": {"code": it.status, "message": str(it), "type": _KINDS.get(it.status, it.kind)}}


INFILL: Final = Wire("llama.cpp", "/infill", read, whole, events, error, end="")
