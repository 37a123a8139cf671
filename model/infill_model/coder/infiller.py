"""The facade of a published code model, as the engine serves it: text around gaps in, fills out.

One pass: the row is read up to the gap; copies from the document and other drafts are read with it in one forward
pass, scored, and kept as far as the encoder accepts them; the continuation is written after them. Must not depend on
user files, editors or grammars; a critic that does can be passed in.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from infill_model.coder.denoiser import ShallowDenoiser
from infill_model.coder.drafting import Written
from infill_model.coder.encoder import BRANCHES, CHUNK, CausalEncoder, RowCache
from infill_model.coder.healing import Healer
from infill_model.coder.languages import LANGUAGES
from infill_model.coder.layout import RowBudget, RowLayout
from infill_model.coder.one_gap import LONGEST_BLOCK, OneGap, Tokens, late_by
from infill_model.coder.reading import LEAST, read_text
from infill_model.coder.writing import Acceptance, Ends, WrittenRow
from infill_model.denoising.stop import Limits
from infill_model.files.device import available_device
from infill_model.files.tokenizer import CheckpointVocabulary
from infill_model.filler import Filler, OnDraft, never
from infill_model.infill.copied import fills_of_copies
from infill_model.infill.sequential import one_by_one
from infill_model.packing.converted import Converted, read
from infill_model.packing.fim import FimMarks
from infill_model.request import Fill, Info, Options, Request, TextCritic, Timing, Token
from infill_model.transformer.packed import CausalNetwork
from infill_model.vocabulary import RESERVED

_NOTHING: Final = Fill(("",), (), 0.0, None, 0, 0, Timing(0.0, 0.0, 0.0), "deadline")


class CoderInfiller(Filler):
    """A loaded model."""

    def __init__(
        self, converted: Converted, device: str = "cpu", dtype: str = "auto", budget: RowBudget | None = None
    ) -> None:
        self.name, self.budget = converted.name, budget or RowBudget()
        places = self.budget.longest + BRANCHES
        self.network = CausalNetwork(converted.shape, converted.weights, device, places, dtype)
        self.encoder = CausalEncoder(self.network, self.budget.longest)
        layers = self.network.denoiser
        self.denoiser = ShallowDenoiser(self.encoder, layers) if layers else None
        self.vocabulary = CheckpointVocabulary(converted.tokenizer)
        texts = [self.vocabulary.decode([it + RESERVED]) for it in self.network.head_ids.tolist()]
        ends = _ends(texts, self.network.head_ids, converted)
        self.tokens = Tokens(self.vocabulary, ends, Healer(texts))
        marks = FimMarks.of(dict(converted.special))
        self.layout = RowLayout(self.tokens.encode, marks, self.budget, prefix_first=not converted.tuned)
        self._written = Written()
        self._parameters = sum(it.numel() for it in converted.weights.values() if it.ndim > 1)

    @classmethod
    def load(
        cls, path: Path, *, device: str = "auto", dtype: str = "auto", threads: int | None = None
    ) -> "CoderInfiller":
        """Load a converted file.

        Args:
            path: of the file.
            device: `auto`, `cpu`, `cuda` or `mps`.
            dtype: `auto`, `int8` (on a CPU only), `float32` or `bfloat16`.
            threads: the number that a forward pass may use.

        Raises:
            WeightsError: the file is missing or damaged, or there is no such device.
        """
        if threads:
            torch.set_num_threads(threads)
        return cls(read(path), available_device(device), dtype)

    @property
    def info(self) -> Info:
        """The model's description of itself."""
        return Info(
            name=self.name,
            parameters=self._parameters,
            languages=LANGUAGES,
            device=self.network.device.type,
            dtype=self.network.kind,
            threads=torch.get_num_threads(),
            context=self.budget.longest,
            trained_tokens=0,
            reads=True,
        )

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request; several are filled one after another, each with the others' positions marked.

        `options.remask` may be `verify:P`, and a step is a forward pass. With no steps, a start is only read.
        """
        if options.copies_only:
            return fills_of_copies(request, options.n)
        started = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        limits = Limits(LONGEST_BLOCK, deadline, cancelled)
        pieces = (*request.between, request.suffix)
        start = options.start or ()
        if len(pieces) == 1 and start and not options.steps:
            fills = self._read(request, start[0], limits)
        elif len(pieces) == 1:
            fills = self._gap(request, pieces, options, limits, critic, on_draft, start[0] if start else None)
        else:
            fills = [self._in_turn(request, pieces, options, limits, critic, on_draft)]
        total = (time.perf_counter() - started) * 1000
        return [replace(it, ms=replace(it.ms, total=round(total, 3))) for it in fills]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Return the first fill of `fill` for each request, one after another."""
        return [self.fill(it, replace(options, n=1))[0] for it in requests]

    def log_probability(self, request: Request, text: str) -> float:
        """Return the log-probability that the single gap of a request holds this text."""
        row = self.layout.row(request.prefix, (request.suffix,), request.files)
        cache = self.encoder.cache_for(row)
        cache.open(row)
        writer = self.tokens.writer(cache, block=request.block)
        ids = self.tokens.encode(text)
        writer.step([WrittenRow()], [[ids]], Acceptance(), len(ids))
        found = writer.log_probability(ids)
        return -math.inf if found is None else found

    def _read(self, request: Request, text: str, limits: Limits) -> list[Fill]:
        """Return a gap's present text, each token with its probability; nothing if there was no time to read it."""
        began = time.perf_counter()
        cache = self._opened(request.prefix, (request.suffix,), request.files, limits)
        encode_ms = (time.perf_counter() - began) * 1000
        if cache is None:
            return []
        found = read_text(cache, self.tokens, text, lambda: late_by(limits) is not None)
        if found is None:
            return []
        tokens = tuple(Token(piece, probability, 0, pinned=False) for piece, probability in found)
        score = sum(math.log(max(it.confidence, LEAST)) for it in tokens) / max(1, len(tokens))
        right = math.exp(score * len(tokens))
        forwards = -(-len(tokens) // CHUNK)
        return [Fill((text,), tokens, right, score, 0, forwards, Timing(encode_ms, 0.0, 0.0), "complete")]

    def _in_turn(
        self,
        request: Request,
        pieces: Sequence[str],
        options: Options,
        limits: Limits,
        critic: TextCritic | None,
        on_draft: OnDraft | None,
    ) -> Fill:
        """Fill several gaps left to right; later ones are marked in the code after the gap.

        The critic sees the last gap's fills, with those of the gaps before it.
        """
        one, starts = replace(options, n=1), options.start or (None,) * len(pieces)
        done = list[str]()

        def fill(own: Request, behind: tuple[str, ...]) -> Fill:
            last = None if critic is None or len(behind) > 1 else lambda texts: critic((*done, *texts))
            found = self._gap(own, behind, one, limits, last, on_draft, starts[len(done)])[0]
            done.append(found.texts[0])
            return found

        return one_by_one(request, fill)

    def _gap(
        self,
        request: Request,
        behind: Sequence[str],
        options: Options,
        limits: Limits,
        critic: TextCritic | None,
        on_draft: OnDraft | None,
        start: str | None,
    ) -> list[Fill]:
        """Fill one gap; the most probable fill comes first."""
        began = time.perf_counter()
        cache = self._opened(request.prefix, behind, request.files, limits)
        encode_ms = (time.perf_counter() - began) * 1000
        if cache is None:
            late = late_by(limits) or "deadline"
            wanted = late == "deadline" and options.retrieve and start is None
            return (fills_of_copies(request, options.n) if wanted else []) or [replace(_NOTHING, stopped=late)]
        guess = self._written.at(request.prefix, behind) if start is None else ""
        gap = OneGap(request, options, limits, cache, self.tokens, on_draft, start, guess, self.denoiser)
        greedy = gap.write()
        text = next(iter(gap.found))
        if start is None and text:
            self._written = Written(request.prefix, tuple(behind), text)
        wrong = _objects(critic, text)
        if (options.n > 1 or gap.is_doubtful or wrong) and start is None and greedy.stopped == "complete":
            gap.write_others(max(options.n, 3))
        if request.block and start is None and (wrong or greedy.stopped == "steps"):
            gap.write_shorter()
        copied = gap.drafts if start is None else []
        ranked = gap.ranked().items()
        fills = [_fill(gap, text, right, text in copied, encode_ms) for text, right in ranked]
        return [replace(it, forwards=gap.forwards) for it in _fine_first(fills, critic)][: max(1, options.n)]

    def _opened(self, prefix: str, behind: Sequence[str], files: Sequence[str], limits: Limits) -> RowCache | None:
        """Return the cache that holds the code around a gap; None if there was no time to read all of it."""
        row = self.layout.row(prefix, behind, files)
        cache = self.encoder.cache_for(row)
        return cache if cache.open(row, lambda: late_by(limits) is not None) else None


def _fill(gap: OneGap, text: str, right: float, copied: bool, encode_ms: float) -> Fill:
    """Build the fill for a text that was found."""
    written = gap.found[text]
    return Fill(
        texts=(text,),
        tokens=tuple(
            Token(piece, probability, number, pinned=False)
            for number, (piece, probability) in enumerate(gap.pieces(written), 1)
        ),
        confidence=right,
        score=written.total / max(1, len(written.probabilities)),
        steps=written.forwards,
        forwards=written.forwards,
        ms=Timing(round(encode_ms, 3), round(gap.denoise_ms, 3), 0.0, round(gap.verify_ms, 3)),
        stopped=written.stopped or "steps",
        retrieved=copied,
    )


def _ends(texts: Sequence[str], head: torch.Tensor, converted: Converted) -> Ends:
    """Return the head's tokens that end a gap; other special tokens are never written either."""
    special = set(converted.special.values())
    always = torch.tensor([it in special for it in head.tolist()])
    return Ends(head, always, always | torch.tensor([it.startswith(("\n", "\r")) for it in texts]))


def _objects(critic: TextCritic | None, text: str) -> bool:
    return critic is not None and any(critic((text,)))


def _fine_first(fills: Iterable[Fill], critic: TextCritic | None) -> list[Fill]:
    """Return fills in order, with those that the critic objects to last."""
    return sorted(fills, key=lambda it: critic is not None and any(critic(it.texts)))
