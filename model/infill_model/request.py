"""What is asked of the model and what it answers: plain values, without torch.

The language server sends these to its engine process and reads them back; `filling.py` turns the one into the other.
Offsets and lengths are code points; times are milliseconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

StopReason = Literal["complete", "stable", "steps", "deadline", "cancelled"]
"""Why a fill ended: every mask committed; argmax stable and confident; step limit; out of time; told to."""


TextCritic: TypeAlias = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""From the text of each gap of a finished draft to the code-point spans in it that should be denoised again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Code around one or several gaps.

    Attributes:
        prefix: all text before the first gap.
        suffix: all text after the last gap.
        between: the text between each two neighbouring gaps; one gap has none.
        language: the LSP language id, or None when unknown.
        block: whether several lines are wanted.
        files: excerpts of other files, the most relevant last; copied from, and seen by the model as space allows.
    """

    prefix: str
    suffix: str
    between: tuple[str, ...] = ()
    language: str | None = "python"
    block: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How to denoise. Policies are named as in `infill_model.denoising.policies`, e.g. `threshold:0.9`.

    Attributes:
        n: how many different fills are wanted; the first is the greedy one, the others are sampled.
        steps: the most denoising steps a block of the canvas may take.
        budget_ms: the time after which the best draft so far is returned; None for no limit.
        seed: of the sampled fills; the same seed and request give the same fill.
        temperature: of the sampled fills.
        masks: that each gap starts with; None for what the model usually starts with. It grows, or leaves some empty.
        retrieve: whether a copy from the document or from `Request.files` may start a second draft.
        critic: whether finished drafts are shown to a critic of syntax, where there is one.
        start: the text that each gap holds now. It is revised as `remask` says (`revoke:0.05`, say, writes anew what
            the denoiser finds improbable), and is itself among the fills, with its score; nothing else is tried.
        copies_only: offer copies alone, without the network: for languages that it was not trained on.
        trace: whether to record the canvas after each step.
    """

    n: int = 1
    steps: int = 64
    budget_ms: float | None = None
    seed: int = 0
    temperature: float = 0.8
    unmask: str = "threshold:0.9:0.5"
    remask: str = "none"
    stop: str = "complete"
    masks: int | None = None
    retrieve: bool = True
    critic: bool = True
    start: tuple[str, ...] | None = None
    copies_only: bool = False
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a finished gap.

    `confidence` is the probability it had when it was committed; in a copy, the probability that the encoder reads
    there, or of all of the copy where none was asked.
    """

    text: str
    confidence: float
    step: int
    pinned: bool


@dataclass(frozen=True, slots=True)
class TraceToken:
    """One canvas position in a trace."""

    text: str
    state: Literal["pinned", "masked", "committed", "deleted"]
    confidence: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The canvas after one step. `event` says in words what happened in it."""

    step: int
    tokens: tuple[TraceToken, ...]
    event: str
    ms: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds: the context through the encoder, the denoising loop, and all together."""

    encode: float
    denoise: float
    total: float


@dataclass(frozen=True, slots=True)
class Fill:
    """What the model wrote.

    Attributes:
        texts: the text of each gap, in order.
        tokens: the tokens of the gaps and of the pinned text between them, in order.
        confidence: in [0, 1], how probably all that was written is right. Of what a model wrote, the product of its
            tokens' probabilities, the end's included where the model writes one; of a copy of the embedded model, how
            often such copies are right, weighed with what the model says of it; of an endpoint that does not say how
            probable its tokens are, one half for each gap. Several gaps have the product of each gap's.
        score: mean log-probability per token under the same weights autoregressively, or None when not asked for;
            where a causal model ranked it, the logarithm of its probability by that model.
        steps: denoising steps this fill took; none for a copy that nothing revised.
        forwards: forwards of the denoiser spent on the request: repairs, further blocks and other drafts included.
        stopped: why it ended.
        retrieved: whether it began as a copy.
        trace: one frame per step when `Options.trace` was set.
    """

    texts: tuple[str, ...]
    tokens: tuple[Token, ...]
    confidence: float
    score: float | None
    steps: int
    forwards: int
    ms: Timing
    stopped: StopReason
    retrieved: bool = False
    trace: tuple[Frame, ...] = ()


ANY_LANGUAGE: Final = "all"
"""Stands among `Info.languages` for every language there is."""


@dataclass(frozen=True, slots=True)
class Info:
    """What a loaded model says of itself.

    Attributes:
        languages: LSP ids of those it was trained on, or `ANY_LANGUAGE`.
    """

    name: str
    parameters: int
    languages: tuple[str, ...]
    device: str
    dtype: str
    threads: int
    context: int
    trained_tokens: int

    def knows(self, language: str | None) -> bool:
        """Whether the model was trained on the language with this LSP id; None where it is not known which it is."""
        return language in self.languages or ANY_LANGUAGE in self.languages
