"""What an API declares: how it is asked to fill one gap, and what its answers mean. It knows neither HTTP nor keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from infill_model.errors import InfillModelError

Body: TypeAlias = Mapping[str, object]
"""What is sent, as JSON."""


class EndpointError(InfillModelError):
    """An endpoint cannot be asked, or did not answer as it should: a sentence for people, in which there is no key."""


LINE_TOKENS: Final = 64
BLOCK_TOKENS: Final = 256


@dataclass(frozen=True, slots=True)
class GapAsk:
    """One gap, as an endpoint is asked to fill it.

    Attributes:
        prefix: the text before the gap, as far as it is sent.
        suffix: the text behind it, as far as it is sent.
        files: excerpts of other files, the most relevant last.
        block: whether several lines are wanted.
        model: what the endpoint calls its model; empty where it has only one.
        n: how many fills are wanted.
        temperature: 0 for the most probable text.
        seed: of the sampled ones.
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
        """How many tokens are wanted at most."""
        return BLOCK_TOKENS if self.block else LINE_TOKENS

    @property
    def stop(self) -> list[str]:
        """Where the endpoint is to stop by itself."""
        return ["\n\n\n"] if self.block else ["\n"]

    @property
    def named(self) -> Body:
        """The name of the model, where there is one."""
        return {"model": self.model} if self.model else {}

    @property
    def prefix_with_files(self) -> str:
        """Everything before the gap, for an API that has no place of its own for other files."""
        return "".join(f"{it.rstrip()}\n\n" for it in self.files) + self.prefix


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer.

    Attributes:
        text: that was written.
        index: of which of several fills.
        tokens: the tokens of the text with their log-probabilities, where the API tells them.
        finished: whether this fill ends here.
        cut: whether it ends because the tokens that were asked for are used up.
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
        path: of the API.
        body: from the ask and the code that stands in the gap, in whole lines, to what is sent.
        revised: from an answer to the code as it should be; None where there is none in it.
    """

    path: str
    body: Callable[[GapAsk, str], Body]
    revised: Callable[[object], str | None]


@dataclass(frozen=True, slots=True)
class Api:
    """An API.

    Attributes:
        name: in the settings.
        path: of the API, behind the URL of the endpoint.
        body: from one gap to what is sent.
        pieces: from an answer to what it has in it.
        several: whether one request can ask for several fills.
        edit: how it revises code, where it can.
    """

    name: str
    path: str
    body: Callable[[GapAsk], Body]
    pieces: Callable[[object], Sequence[AnswerPart]]
    several: bool = False
    edit: EditApi | None = None


def scored(tokens: object, logprobs: object) -> tuple[tuple[str, float], ...]:
    """Tokens with their log-probabilities from two lists; nothing where these are none."""
    if not isinstance(tokens, list) or not isinstance(logprobs, list) or len(tokens) != len(logprobs):
        return ()
    pairs = [(one, float(at)) for one, at in zip(tokens, logprobs, strict=True) if _is_pair(one, at)]
    return tuple(pairs) if len(pairs) == len(tokens) else ()


def scored_entries(entries: object) -> tuple[tuple[str, float], ...]:
    """The same from a list of `{"token": ..., "logprob": ...}`."""
    if not isinstance(entries, list):
        return ()
    known = [it for it in entries if isinstance(it, dict)]
    return scored([it.get("token") for it in known], [it.get("logprob") for it in known])


def _is_pair(token: object, logprob: object) -> bool:
    return isinstance(token, str) and isinstance(logprob, int | float) and not isinstance(logprob, bool)
