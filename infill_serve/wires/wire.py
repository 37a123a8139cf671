"""What an API declares: how to read a body, and how to write fills and errors. Must not depend on HTTP."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from infill_model.request import Fill, Options, Request, Token
from infill_serve.wires.refused import RefusedError, invalid

Body: TypeAlias = Mapping[str, object]

MOST_TOKENS: Final = 1024
"""Maximum number of tokens that is written for one gap, whatever is asked for."""

MOST_FILLS: Final = 16
"""Maximum number of different fills."""


@dataclass(frozen=True, slots=True)
class WireAsk:
    """A request, as an API asks it.

    Attributes:
        request: the code around the gaps.
        options: how to fill.
        stream: whether the answer is a stream of events.
        document: the client's name for the document; empty if it has none.
        drafts: whether drafts are wanted.
        tokens: the maximum number of tokens wanted; 0 for none at all, as requests that only warm a cache.
        stop: texts at which a fill ends, without them.
        logprobs: whether tokens' log-probabilities are wanted.
        model: the model wanted; empty for any.
    """

    request: Request
    options: Options
    stream: bool = False
    document: str = ""
    drafts: bool = False
    tokens: int = MOST_TOKENS
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    model: str = ""


@dataclass(frozen=True, slots=True)
class WrittenGap:
    """One fill of one gap as an API is told: its tokens, and why it ends, `stop` or `length`."""

    tokens: tuple[Token, ...]
    reason: str

    @property
    def text(self) -> str:
        """The text of all tokens."""
        return "".join(it.text for it in self.tokens)

    @property
    def logprobs(self) -> list[float]:
        """The log-probability of each token, in nats."""
        return [math.log(max(it.confidence, 1e-30)) for it in self.tokens]


@dataclass(frozen=True, slots=True)
class Wire:
    """An API.

    Attributes:
        name: in metrics.
        path: of its requests.
        read: makes a request of a body.
        whole: makes an answer of the fills, given the name of the model.
        events: makes the events of a stream.
        error: makes the body of an error.
        end: the text of the last event; empty for none.
    """

    name: str
    path: str
    read: Callable[[Body], WireAsk]
    whole: Callable[[WireAsk, tuple[Fill, ...], str], Body]
    events: Callable[[WireAsk, tuple[Fill, ...], str], Iterator[Body]]
    error: Callable[[RefusedError], Body]
    end: str = "[DONE]"


def written(ask: WireAsk, fill: Fill) -> WrittenGap:
    """Return a fill up to its first stop text and to the number of tokens wanted."""
    text = fill.texts[0]
    ends = [at for it in ask.stop if it and (at := text.find(it)) >= 0]
    left, kept = min(ends, default=len(text)), []
    for token in fill.tokens:
        if left <= 0 or token.pinned:
            break
        kept.append(Token(token.text[:left], token.confidence, token.step, pinned=False))
        left -= len(token.text)
    cut = len(kept) > ask.tokens
    return WrittenGap(tuple(kept[: ask.tokens]), "length" if cut else "stop")


def text(body: Body, name: str, default: str | None = None) -> str:
    """Return a text of a body.

    Raises:
        RefusedError: it is missing, or not a text.
    """
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise invalid(f"`{name}` must be a string")
    return value


def number(body: Body, name: str, default: float, least: float, most: float) -> float:
    """Return a number of a body, no more than `most`.

    Raises:
        RefusedError: it is not a number, or less than `least`.
    """
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < least:
        raise invalid(f"`{name}` must be a number of at least {least:g}")
    return min(float(value), most)


def stops(body: Body) -> tuple[str, ...]:
    """Return the stop texts of a body.

    Raises:
        RefusedError: they are neither a text nor a list of texts.
    """
    match body.get("stop"):
        case None:
            return ()
        case str(one):
            return (one,)
        case [*several] if all(isinstance(it, str) for it in several):
            return tuple(map(str, several))
    raise invalid("`stop` must be a string or a list of strings")


def options(body: Body, budget_ms: float | None = None) -> Options:
    """Return the options of a body with `n`, `temperature` and `seed`, as OpenAI names them."""
    temperature = number(body, "temperature", 0.0, 0.0, 2.0)
    return Options(
        n=int(number(body, "n", 1, 1, MOST_FILLS)),
        temperature=temperature or Options().temperature,
        seed=int(number(body, "seed", 0, -1, 2**31 - 1)),
        budget_ms=budget_ms,
    )


def one_gap(body: Body, prefix: str, suffix: str, stop: tuple[str, ...], files: Any = ()) -> Request:
    """Return the request of one gap; a stop at a line's end asks for one line."""
    return Request(prefix, suffix, language=_language(body), block="\n" not in stop, files=tuple(files))


def _language(body: Body) -> str | None:
    return text(body, "language", "") or None
