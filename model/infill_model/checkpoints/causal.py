"""Causal models trained to fill in the middle, run by transformers: the autoregressive baseline for the denoisers.

[prefix mark] code before [suffix mark] code after [middle mark], and then the gap token by token. The common prefix
with the previous row is not run again, which is exact. Several fills are written side by side, a token of each per
forward pass. Drafts from elsewhere are checked in one forward pass (`Propose`), and the text written stays the model's
own. Only transformers' own classes are used; no code that comes with a checkpoint.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import torch
from torch import Tensor

from infill_model.catalogue.hub import shown_name
from infill_model.checkpoints.infiller import LONGEST, LONGEST_BLOCK, cut_at_line, info_of
from infill_model.checkpoints.length_search import probability_of
from infill_model.denoising.stop import Limits
from infill_model.errors import WeightsError
from infill_model.families.prompt import Prompt
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.checks import check_numbers
from infill_model.files.id_map import Ids, on_canvas
from infill_model.files.memory import check_room
from infill_model.files.placing import place_weights, placing
from infill_model.files.tokenizer import CheckpointVocabulary
from infill_model.filler import Filler, OnDraft, never
from infill_model.infill.job import FinalToken, Job, JobProgress
from infill_model.infill.sequential import one_by_one
from infill_model.request import (
    Fill,
    Frame,
    Info,
    Options,
    Request,
    StopReason,
    TextCritic,
    Timing,
    TraceToken,
)
from infill_model.vocabulary import RESERVED

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

Propose: TypeAlias = Callable[[str], str]
"""Maps the text written in the gap to a possible continuation; an empty text if there is none."""

MARKS: Final = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen2.5-Coder, CodeGemma
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder2, Granite, Mellum
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek-Coder
)
_ENDS: Final = (
    "<|endoftext|>",
    "<|fim_pad|>",
    "<|file_sep|>",
    "<|repo_name|>",
    "<|im_end|>",
    "<file_sep>",
    "<|file_separator|>",
    "<eos>",
    "<｜end▁of▁sentence｜>",
)
_BEGINS: Final = ("<bos>", "<｜begin▁of▁sentence｜>")


def marks_of(checkpoint: Checkpoint) -> tuple[str, str, str] | None:
    """Return the tokenizer's marks for filling in the middle; None if it has none."""
    return next((marks for marks in MARKS if all(it in checkpoint.added for it in marks)), None)


@dataclass(frozen=True, slots=True)
class Marks:
    """Canvas ids of the marks, and of the tokens that end a gap or begin a text."""

    prefix: int
    suffix: int
    middle: int
    ends: frozenset[int]
    begin: tuple[int, ...]


class CausalInfiller(Filler):
    """A loaded causal model."""

    def __init__(self, name: str, model: "PreTrainedModel", vocabulary: CheckpointVocabulary, marks: Marks) -> None:
        self.name, self.vocabulary, self.marks = name, vocabulary, marks
        self._model = model
        self._prompt = Prompt(vocabulary, Ids(mask=0), sees_suffix=False)
        self._row: list[int] = []
        self._cache: DynamicCache | None = None

    @classmethod
    def load(
        cls, folder: Path, *, device: str = "auto", dtype: str = "auto", threads: int | None = None
    ) -> "CausalInfiller":
        """Load a checkpoint folder; the arguments are those of `OpenInfiller.load`.

        Raises:
            WeightsError: it has no marks for filling in the middle, is incomplete, or transformers does not know it.
        """
        if threads:
            torch.set_num_threads(threads)
        checkpoint = Checkpoint.open(folder)
        vocabulary, names = CheckpointVocabulary.of(checkpoint), marks_of(checkpoint)
        if names is None:
            raise WeightsError(
                f"{folder}: its tokenizer has no marks for filling in the middle; use a model that has them"
            )
        where = placing(device, dtype)
        check_room(checkpoint, where.loads_on, where.dtype.itemsize)
        try:
            from transformers import AutoModelForCausalLM  # noqa: PLC0415  # Only when such a model is loaded.
        except ImportError as error:
            raise WeightsError("causal models need transformers: `pip install 'infill-lsp[checkpoints]'`") from error
        try:
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=where.dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            first = str(error).strip().splitlines()[0]
            raise WeightsError(f"{folder}: transformers cannot load it ({first})") from error
        check_numbers(folder, model.named_parameters())
        torch.nn.Module.eval(model)
        model.requires_grad_(False)
        place_weights(model, where)
        return cls(shown_name(folder), model, vocabulary, _marks(checkpoint, vocabulary, names))

    @property
    def info(self) -> Info:
        """The model's description of itself."""
        return info_of(self.name, self._model, self._model.device, self._prompt.window)

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request one after another; policies and the critic apply only to denoisers.

        `options.steps` is not a limit here: each token is a forward pass, and the maximum depends on the kind of gap.
        """
        if request.between:
            return [one_by_one(request, lambda it, _: self.fill(it, replace(options, n=1), cancelled=cancelled)[0])]
        return self.fill_gap(request, options, cancelled=cancelled, on_draft=on_draft)

    def fill_gap(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        on_draft: OnDraft | None = None,
        propose: Propose | None = None,
    ) -> list[Fill]:
        """Fill the single gap of a request.

        Args:
            request: with one gap.
            options: how many fills, and how they are sampled.
            cancelled: whether to stop.
            on_draft: called with the first fill after each forward pass.
            propose: drafts the greedy fill, which comes out the same, in fewer forward passes if drafts are right; it
                is then written by itself, and the others side by side after it.
        """
        started = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        limits = Limits(LONGEST_BLOCK if request.block else LONGEST, deadline, cancelled)
        row, line = self._laid_out(request), not request.block
        choosers = [_Chooser(options.temperature if n else 0.0, options.seed + n) for n in range(options.n)]
        alone = choosers[:1] if propose is not None or options.n == 1 else []
        texts = [self._written(row, limits, it, on_draft, propose, line=line) for it in alone]
        if others := choosers[len(alone) :]:
            texts += self._side_by_side(row, limits, others, None if alone else on_draft, line=line)
        fills: dict[tuple[str, ...], Fill] = {}
        for it in texts:
            fill = replace(it.progress.fill(self.vocabulary, 1), confidence=probability_of(it.done))
            fill = fill if request.block else cut_at_line(fill)
            total = (time.perf_counter() - started) * 1000
            fills.setdefault(fill.texts, replace(fill, ms=Timing(0.0, round(total, 3), round(total, 3))))
        return list(fills.values())

    def _laid_out(self, request: Request) -> list[int]:
        above, below = self._prompt.around(request)
        it = self.marks
        return [*it.begin, it.prefix, *above, it.suffix, *below, it.middle]

    def likelihood(self, request: Request, text: str) -> float:
        """Return the log-probability that the single gap of a request is this text and then ends."""
        ids = self.vocabulary.encode(text)
        with torch.no_grad():
            log_probs = self._next(self._laid_out(request), ids).log_softmax(1)
        own = log_probs[torch.arange(len(ids)), [it - RESERVED for it in ids]].sum()
        ends = log_probs[-1, [it - RESERVED for it in self.marks.ends]].logsumexp(0)
        return float(own + ends)

    @torch.no_grad()
    def _written(
        self,
        row: list[int],
        limits: Limits,
        chooser: "_Chooser",
        on_draft: OnDraft | None,
        propose: Propose | None,
        *,
        line: bool,
    ) -> "_Text":
        """Write the gap: one token per forward pass, plus the proposed tokens that are right."""
        text = _Text()
        while True:
            stopped = _limit(limits, len(text.done))
            if stopped is not None:
                text.stopped = stopped
                return text
            began = time.perf_counter()
            done = [it.id for it in text.done]
            draft = self.vocabulary.encode(propose(self.vocabulary.decode(done))) if propose else []
            logits = self._next([*row, *done], draft[: limits.steps - len(done) - 1])
            text.steps += 1
            before, ended = len(text.done), False
            for number, one in enumerate(logits):
                token, confidence = chooser(one)
                ended = not self._add(text, token, confidence, line=line)
                if ended or number >= len(draft) or token + RESERVED != draft[number]:
                    break
            if on_draft is not None and len(text.done) > before:
                took = round((time.perf_counter() - began) * 1e3, 3)
                on_draft(Frame(text.steps, self._shown(text), f"{len(text.done) - before} written", took))
            if ended:
                return text

    @torch.no_grad()
    def _side_by_side(
        self,
        row: list[int],
        limits: Limits,
        choosers: Sequence["_Chooser"],
        on_draft: OnDraft | None,
        *,
        line: bool,
    ) -> list["_Text"]:
        """Write the gap several times, a token of each per forward pass; `on_draft` is called with the first."""
        texts = [_Text() for _ in choosers]
        going, written = list(range(len(texts))), 0
        cache: DynamicCache | None = None
        while going:
            if stopped := _limit(limits, written):
                for number in going:
                    texts[number].stopped = stopped
                break
            began = time.perf_counter()
            cache, logits = self._continued(cache, row, [texts[it] for it in going])
            kept = [n for n, it in enumerate(going) if self._one_more(texts[it], choosers[it], logits[n], line=line)]
            written += 1
            if on_draft is not None and len(texts[0].done) == written:
                took = round((time.perf_counter() - began) * 1e3, 3)
                on_draft(Frame(written, self._shown(texts[0]), "1 written", took))
            if len(kept) < len(going):
                cache.batch_select_indices(torch.tensor(kept, dtype=torch.int64))
            going = [going[n] for n in kept]
        return texts

    def _continued(
        self, cache: "DynamicCache | None", row: list[int], texts: Sequence["_Text"]
    ) -> tuple["DynamicCache", Tensor]:
        """Return (B, V) float32 logits after each text's last token, and the cache of all texts extended by it."""
        if cache is None:
            logits = self._next(row).expand(len(texts), -1)
            cache = cast("DynamicCache", copy.deepcopy(self._cache))  # The row's own is kept for the next request.
            cache.batch_repeat_interleave(len(texts))
            return cache, logits
        last = torch.tensor([[it.done[-1].id - RESERVED] for it in texts], device=self._model.device)
        out = self._model(input_ids=last, past_key_values=cache, use_cache=True)
        return cache, out.logits[:, -1].float()

    def _one_more(self, text: "_Text", chooser: "_Chooser", logits: Tensor, *, line: bool) -> bool:
        """Write the next token; report whether the gap continues."""
        text.steps += 1
        return self._add(text, *chooser(logits), line=line)

    def _add(self, text: "_Text", token: int, confidence: float, *, line: bool) -> bool:
        """Write a token unless it ends the gap; report whether the gap continues."""
        if token + RESERVED in self.marks.ends:
            return False
        text.done.append(FinalToken(token + RESERVED, confidence, text.steps, 0))
        return not (line and "\n" in self.vocabulary.decode([it.id for it in text.done]))

    def _shown(self, text: "_Text") -> tuple[TraceToken, ...]:
        pieces = self.vocabulary.pieces([it.id for it in text.done])
        return tuple(TraceToken(a, "committed", b.confidence) for a, b in zip(pieces, text.done, strict=True))

    def _next(self, row: list[int], draft: Sequence[int] = ()) -> Tensor:
        """Return (1 + draft, V) float32 logits after a row of canvas ids, and after each further token of a draft.

        The common prefix with the last row is not run again.
        """
        from transformers import DynamicCache  # noqa: PLC0415  # Installed, because the model is loaded.

        whole = [*row, *draft]
        same = next((n for n, (a, b) in enumerate(zip(self._row, whole, strict=False)) if a != b), None)
        same = min(len(self._row), len(whole)) if same is None else same
        same = min(same, len(row) - 1)
        gone = len(self._row) - same
        if self._cache is None or same == 0 or (gone and any(self._cache.is_sliding)):
            self._cache, same = DynamicCache(config=self._model.config), 0  # A sliding window has forgotten.
        elif gone:
            self._cache.crop(-gone)
        ids = torch.tensor([[it - RESERVED for it in whole[same:]]], device=self._model.device)
        out = self._model(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=len(draft) + 1)
        self._row = whole
        last: Tensor = out.logits[0, -len(draft) - 1 :].float()
        return last


@dataclass(slots=True)
class _Text:
    """A gap being written: its tokens, the forward passes they took, and why it ended."""

    done: list[FinalToken] = field(default_factory=list)
    steps: int = 0
    stopped: StopReason = "complete"

    @property
    def progress(self) -> JobProgress:
        """The text as the progress of a job."""
        return JobProgress(Job([], []), tuple(self.done), steps=self.steps, stopped=self.stopped)


class _Chooser:
    """Chooses a token: the most probable one, or a sampled one."""

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, logits: Tensor) -> tuple[int, float]:
        """Return the id, and its probability at temperature 1."""
        probabilities = logits.softmax(0).cpu()
        if self._temperature == 0:
            token = int(probabilities.argmax())
        else:
            warm = (logits.cpu() / self._temperature).softmax(0)
            token = int(torch.multinomial(warm, 1, generator=self._generator))
        return token, float(probabilities[token])


def _limit(limits: Limits, written: int) -> StopReason | None:
    if limits.cancelled():
        return "cancelled"
    if written and limits.deadline is not None and limits.clock() >= limits.deadline:
        return "deadline"
    return "steps" if written >= limits.steps else None


def _marks(checkpoint: Checkpoint, vocabulary: CheckpointVocabulary, names: tuple[str, str, str]) -> Marks:
    """Return the marks' ids; a mark itself ends a gap, too."""
    prefix, suffix, middle = on_canvas(checkpoint.added[it] for it in names)
    ends = {vocabulary.special_id(it) for it in _ENDS} - {None}
    begin = next(([it] for it in map(vocabulary.special_id, _BEGINS) if it is not None), [])
    known = frozenset(it for it in ends if it is not None)
    return Marks(prefix, suffix, middle, known | {prefix, suffix, middle}, tuple(begin))
