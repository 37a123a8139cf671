"""Defines what an API declares: how to ask it for one gap, what its answers mean. Must not depend on HTTP or keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from infill_model.errors import InfillModelError

Body: TypeAlias = Mapping[str, object]
"""A request body, sent as JSON."""


class EndpointError(InfillModelError):
    """A failure to ask an endpoint or an unusable answer: a sentence for people, which never contains a key."""


LINE_TOKENS: Final = 64
BLOCK_TOKENS: Final = 256


@dataclass(frozen=True, slots=True)
class GapAsk:
    """One gap, as an endpoint is asked to fill it.

    Attributes:
        prefix: the text before the gap, as far as it is sent.
        suffix: the text after the gap, as far as it is sent.
        files: excerpts of other files, the most relevant last.
        block: whether several lines are wanted.
        model: the endpoint's name for its model; empty if it has only one.
        n: number of fills wanted.
        temperature: 0 for the most probable text.
        seed: seed for sampled fills.
    """

    prefix: str
    suffix: str
    files: tuple[str, ...] = ()
    block: bool = False
    model: str = ""
    n: int = 1
    temperature: float = 0.0
    seed: int = 0

    @property
    def tokens(self) -> int:
        """Maximum number of tokens wanted."""
        return BLOCK_TOKENS if self.block else LINE_TOKENS

    @property
    def stop(self) -> list[str]:
        """Sequences at which the endpoint stops by itself."""
        return ["\n\n\n"] if self.block else ["\n"]

    @property
    def named(self) -> Body:
        """The name of the model, if there is one."""
        return {"model": self.model} if self.model else {}

    @property
    def prefix_with_files(self) -> str:
        """Everything before the gap, for an API that has no separate field for other files."""
        return "".join(f"{it.rstrip()}\n\n" for it in self.files) + self.prefix


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer.

    Attributes:
        text: the text written.
        index: which of several fills it belongs to.
        tokens: the tokens of the text with their log-probabilities, if the API provides them.
        finished: whether this fill ends here.
        cut: whether it ends because the token limit of the request is reached.
    """

    text: str = ""
    index: int = 0
    tokens: tuple[tuple[str, float], ...] = ()
    finished: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class EditApi:
    """An API by which an endpoint revises code, all at once.

    Attributes:
        path: path of the API.
        body: makes the request body from the ask and the present code of the gap, in whole lines.
        revised: extracts the revised code from an answer; None if the answer contains none.
    """

    path: str
    body: Callable[[GapAsk, str], Body]
    revised: Callable[[object], str | None]


@dataclass(frozen=True, slots=True)
class Api:
    """An API.

    Attributes:
        name: its name in the settings.
        path: its path, appended to the endpoint's URL.
        body: makes the request body for one gap.
        pieces: extracts the parts of an answer.
        several: whether one request can ask for several fills.
        edit: how it revises code, if it can.
    """

    name: str
    path: str
    body: Callable[[GapAsk], Body]
    pieces: Callable[[object], Sequence[AnswerPart]]
    several: bool = False
    edit: EditApi | None = None


def scored(tokens: object, logprobs: object) -> tuple[tuple[str, float], ...]:
    """Pair tokens with their log-probabilities from two lists; empty if the lists are unusable."""
    if not isinstance(tokens, list) or not isinstance(logprobs, list) or len(tokens) != len(logprobs):
        return ()
    pairs = [(one, float(at)) for one, at in zip(tokens, logprobs, strict=True) if _is_pair(one, at)]
    return tuple(pairs) if len(pairs) == len(tokens) else ()


def scored_entries(entries: object) -> tuple[tuple[str, float], ...]:
    """Pair them as `scored` does, from a list of `{"token": ..., "logprob": ...}`."""
    if not isinstance(entries, list):
        return ()
    known = [it for it in entries if isinstance(it, dict)]
    return scored([it.get("token") for it in known], [it.get("logprob") for it in known])


def _is_pair(token: object, logprob: object) -> bool:
    return isinstance(token, str) and isinstance(logprob, int | float) and not isinstance(logprob, bool)
