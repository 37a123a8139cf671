"""Requests to the model and its answers: plain values, without torch.

The language server sends these to its engine process and reads them back; a `Filler` turns a request into fills.
Offsets and lengths are in code points; times are in milliseconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

StopReason = Literal["complete", "stable", "steps", "deadline", "cancelled"]
"""Why a fill ended: every mask committed; argmax stable and confident; step limit; out of time; cancelled."""


TextCritic: TypeAlias = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""Maps the text of each gap of a finished draft to the code-point spans in it that should be denoised again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Code around one or several gaps.

    Attributes:
        prefix: all text before the first gap.
        suffix: all text after the last gap.
        between: the text between each pair of neighbouring gaps; empty for a single gap.
        language: the LSP language id, or None when unknown.
        block: whether several lines are wanted.
        files: excerpts of other files, the most relevant last; copied from, and shown to the model as space allows.
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
        n: the number of different fills wanted; the first is the greedy one, the others are sampled.
        steps: the maximum number of denoising steps for a block of the canvas. With none, `start` is only read, by a
            model whose `Info.reads` is set: the one fill is the start, each token with the probability that it has
            behind the code and the tokens before it.
        budget_ms: the time after which the best draft so far is returned; None for no limit.
        seed: for the sampled fills; the same seed and request give the same fill.
        temperature: for the sampled fills.
        guide: steers the embedded model from outside at each step, as in `infill_model.infill.guidance`: `context:0.5`,
            for example. Other models ignore it, but for `judges`, which adds to the critic.
        masks: the number that each gap starts with; None for the model's default. A gap may grow or shrink.
        retrieve: whether a copy from the document or from `Request.files` may start a second draft.
        critic: whether finished drafts are shown to a syntax critic, if there is one.
        start: the current text of each gap. It is revised as `remask` says (`revoke:0.05`, for example, rewrites what
            the denoiser finds improbable), and is itself among the fills, with its score; nothing else is tried.
        copies_only: offer only copies, without running the network: for languages that it was not trained on.
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
    guide: str = "none"
    masks: int | None = None
    retrieve: bool = True
    critic: bool = True
    start: tuple[str, ...] | None = None
    copies_only: bool = False
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a finished gap.

    `confidence` is the probability it had when it was committed; in a copy, the probability that the encoder assigns
    to it, or that of the whole copy if the encoder was not run.
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
    """The canvas after one step. `event` describes in words what happened in that step."""

    step: int
    tokens: tuple[TraceToken, ...]
    event: str
    ms: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of a fill, by part.

    Attributes:
        encode: encoding the context.
        denoise: writing drafts with a denoiser; a model that does not tell the parts apart counts all but `encode`.
        total: from the request to the fills.
        verify: scoring drafts and copies; in a larger model, all forward passes of its encoder after the context's.
        critic: in the syntax critic; the parts during which it was called include it.
        queue: waiting in the engine before the fill began; not part of `total`.
    """

    encode: float
    denoise: float
    total: float
    verify: float = 0.0
    critic: float = 0.0
    queue: float = 0.0


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill that the model wrote.

    Attributes:
        texts: the text of each gap, in order.
        tokens: the tokens of the gaps and of the pinned text between them, in order.
        confidence: in [0, 1], the probability that everything written is right. For text that a model wrote, the
            product of its tokens' probabilities, including the end's if the model writes one; for a copy of the
            embedded model, how often such copies are right, weighted with the model's own probability; for an endpoint
            that does not report token probabilities, one half for each gap. Several gaps have the product. Where a
            larger model was asked for several lines, it is that among texts that are not blank.
        score: mean log-probability per token under the same weights autoregressively, or None when not requested;
            if a causal model ranked the fill, the logarithm of its probability under that model.
        steps: denoising steps this fill took; none for a copy that nothing revised.
        forwards: forward passes of the denoiser for the request: repairs, further blocks and other drafts included.
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
"""Stands among `Info.languages` for every language."""


@dataclass(frozen=True, slots=True)
class Info:
    """A loaded model's description of itself.

    Attributes:
        languages: LSP ids of the languages it was trained on, or `ANY_LANGUAGE`.
        reads: whether it tells how probable each token of a present text is (`Options.steps` of 0).
    """

    name: str
    parameters: int
    languages: tuple[str, ...]
    device: str
    dtype: str
    threads: int
    context: int
    trained_tokens: int
    reads: bool = False

    def knows(self, language: str | None) -> bool:
        """Report whether the model was trained on the language with this LSP id; None if the language is unknown."""
        return language in self.languages or ANY_LANGUAGE in self.languages
