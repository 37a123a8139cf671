"""Fills one gap behind a cached row: the greedy fill, drafts that were read whole, and fills that begin otherwise.

All are found in one pass over the row. Where the token at the cursor is healed, fills are written from one token
earlier and begin with the text that was dropped, which is cut off again.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from infill_model.checkpoints.denoiser import CANVAS, ShallowDenoiser
from infill_model.checkpoints.drafting import drafts_of, remaining
from infill_model.checkpoints.encoder import ROOT, RowCache
from infill_model.checkpoints.healing import Healed, Healer
from infill_model.checkpoints.writing import Acceptance, Ends, Writer, Written
from infill_model.copied import copies_for
from infill_model.policies.stop import Limits
from infill_model.request import Frame, Options, Request, StopReason, TraceToken
from infill_model.vocabulary import RESERVED, Vocabulary

LONGEST: Final = 48
LONGEST_BLOCK: Final = 160
"""Tokens of the longest gap within a line, and of several lines."""

LEAST_LIKELY: Final = 0.02
"""Probability of the first token of another candidate."""

ROOM: Final = 12
"""Drafted tokens that are read in a forward."""

REVOKE: Final = 0.05
"""What stands in a gap that is revised is kept where each token is at least this likely, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is known of the model's tokens: its vocabulary, what ends a gap, and which begin alike."""

    vocabulary: Vocabulary
    ends: Ends
    healer: Healer

    def encode(self, text: str) -> list[int]:
        """The model's ids of a text."""
        return [it - RESERVED for it in self.vocabulary.encode(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the model's ids."""
        return self.vocabulary.decode([it + RESERVED for it in ids])

    def breaks(self, token: int) -> bool:
        """Whether a token holds a line break."""
        return "\n" in self.decode([token])

    def writer(self, cache: RowCache, *, block: bool) -> Writer:
        """What writes behind a row."""
        return Writer(cache, self.ends, not block, self.breaks, LONGEST_BLOCK if block else LONGEST)


@dataclass(slots=True)
class OneGap:
    """One gap of a request.

    Attributes:
        request: with this gap alone.
        options: how many fills, and whether copies are tried.
        limits: deadline and cancellation.
        cache: of the row, opened.
        tokens: of the model.
        on_draft: told of the greedy fill after each forward.
        start: the text that the gap holds now, where it is to be revised.
        denoiser: drafts too, where the model has one.
        found: fills by their texts, the greedy one first.
        forwards: spent so far.
    """

    request: Request
    options: Options
    limits: Limits
    cache: RowCache
    tokens: Tokens
    on_draft: Callable[[Frame], None] | None
    start: str | None
    denoiser: ShallowDenoiser | None = None
    found: dict[str, Written] = field(default_factory=dict)
    drafts: list[str] = field(default_factory=list)
    forwards: int = 0
    _dropped: str = ""
    _writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        """Take the drafts together."""
        self._writer = self.tokens.writer(self.cache, block=self.request.block)
        if self.start is not None:
            self.drafts = [self.start]
        elif self.options.retrieve:
            self.drafts = [text for (text,), _ in copies_for(self.request)]

    def write(self) -> Written:
        """Write the greedy fill, and score the drafts that were read whole with its first forward."""
        drafted = [self.tokens.encode(it) for it in self.drafts]
        written = self._step(Written(), drafted)
        scored = {text: self._scored(ids) for text, ids in zip(self.drafts, drafted, strict=True)}
        if self.start is None and (healed := self._healed()):
            written = self._restarted(healed)
        while written.stopped is None:
            if late := late_by(self.limits):
                written = replace(written, stopped=late)
                break
            written = self._step(written, self._going_on(drafted, written))
        self.found[self._text(written)] = written
        for text, whole in scored.items():
            if whole is not None:
                self.found.setdefault(text, whole)
        return written

    def write_others(self, wanted: int) -> None:
        """Write fills that begin otherwise, side by side, a token of each in a forward."""
        chances, _ = self._writer.chances(ROOT)
        greedy = next(iter(self.found.values()))
        likely = chances.topk(wanted * 2)
        going = [
            Written((token,), (chance,))
            for chance, token in zip(likely.values.tolist(), self.tokens.ends.ids[likely.indices].tolist(), strict=True)
            if token != next(iter(greedy.ids), None)
            and chance >= LEAST_LIKELY
            and self.tokens.decode([token]).startswith(self._dropped)
        ][: wanted - 1]
        while going and not late_by(self.limits):
            going = self._writer.step(going, [[] for _ in going], Acceptance(), 0)
            self.forwards += 1
            for it in going:
                if it.stopped == "complete":
                    self.found.setdefault(self._text(it), it)
            going = [it for it in going if it.stopped is None]

    @property
    def _acceptance(self) -> Acceptance:
        """Which drafted tokens are kept: `remask` may say `verify:P`, or `revoke:P` of a text that is revised."""
        kind, _, value = self.options.remask.partition(":")
        if kind in ("verify", "revoke") and value not in ("", "equal"):
            return Acceptance(float(value)) if kind == "verify" or self.start is not None else Acceptance()
        return Acceptance() if self.start is None else Acceptance(REVOKE)

    def _step(self, written: Written, drafts: Sequence[Sequence[int]]) -> Written:
        """One forward: read drafts, and commit what is accepted."""
        if late_by(self.limits) == "cancelled":
            return replace(written, stopped="cancelled")
        began, before = time.perf_counter(), len(written.ids)
        (after,) = self._writer.step([written], [[it for it in drafts if it]], self._acceptance, ROOM)
        self.forwards += 1
        if self.on_draft is not None:
            took = round((time.perf_counter() - began) * 1000, 3)
            self.on_draft(self._frame(after, f"{len(after.ids) - before} committed", took))
        return after

    def _going_on(self, drafted: Sequence[Sequence[int]], written: Written) -> list[list[int]]:
        """How it may go on behind what is written."""
        if self.start is not None:
            return remaining(drafted[0], written.ids)
        text = self._text(written, whole=True)
        copies = drafts_of(self.request, text, self.tokens.encode) if self.options.retrieve else []
        return [*copies, *self._denoised(written)]

    def _denoised(self, written: Written) -> list[list[int]]:
        """The denoiser's draft of what follows the token that was committed last."""
        if self.denoiser is None or len(written.ids) != len(written.path) + 1:
            return []
        masks = CANVAS if self.options.masks is None else self.options.masks
        drafted = self.denoiser.draft(self.cache, written.tip, written.ids[-1], masks)
        return [drafted] if drafted else []

    def _scored(self, ids: Sequence[int]) -> Written | None:
        """A draft as a fill, if all of it was read."""
        total = self._writer.log_probability(ids)
        if total is None:
            return None
        each = math.exp(total / (len(ids) + 1))
        return Written(tuple(ids), (each,) * (len(ids) + 1), forwards=1, stopped="complete")

    def _healed(self) -> Healed | None:
        if not self._writer.cache.knows(ROOT):
            return None
        line = self.request.prefix.rpartition("\n")[2]
        return self.tokens.healer.heal(self.cache, self._writer, self.tokens.decode, line)

    def _restarted(self, healed: Healed) -> Written:
        """Begin anew from one token earlier."""
        self._dropped = healed.dropped
        self.cache.open(self.cache.ids[:-1])
        self._writer = self.tokens.writer(self.cache, block=self.request.block)
        return Written((healed.token,), (healed.probability,))

    def _text(self, written: Written, *, whole: bool = False) -> str:
        """What a fill inserts."""
        text = self.tokens.decode(written.ids)[len(self._dropped) :]
        return text if whole or self.request.block else text.split("\n", 1)[0].rstrip("\r")

    def _frame(self, written: Written, event: str, took: float) -> Frame:
        pieces = self.tokens.vocabulary.pieces([it + RESERVED for it in written.ids])
        if pieces and self._dropped:
            pieces[0] = pieces[0].removeprefix(self._dropped)
        shown = tuple(TraceToken(a, "committed", b) for a, b in zip(pieces, written.probabilities, strict=False))
        return Frame(self.forwards, shown, event, took)


def late_by(limits: Limits) -> StopReason | None:
    """Why nothing more may be done; None while there is time."""
    if limits.cancelled():
        return "cancelled"
    return "deadline" if limits.deadline is not None and limits.clock() >= limits.deadline else None
