"""Fills one gap after a cached row: the greedy fill, drafts that were read whole, and fills that leave the greedy one.

All are found in one pass over the row. If the token at the cursor may be healed, fills are written from one token
earlier, with that token and with a longer one, and the more probable fill counts; both begin with the dropped text,
which is cut off again.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from infill_model.coder import joining
from infill_model.coder.denoiser import CANVAS, ShallowDenoiser
from infill_model.coder.drafting import drafts_of, remaining
from infill_model.coder.encoder import ROOT, RowCache
from infill_model.coder.healing import Healed, Healer
from infill_model.coder.repeating import LinesBelow
from infill_model.coder.writing import END, Acceptance, Ends, Writer, WrittenRow
from infill_model.denoising.stop import Limits
from infill_model.infill.copied import copies_for
from infill_model.request import Frame, Options, Request, StopReason, TraceToken
from infill_model.vocabulary import RESERVED, Vocabulary

LONGEST: Final = 48
LONGEST_BLOCK: Final = 160
"""The maximum number of tokens of a gap within a line, and of one with several lines."""

LEAST_LIKELY: Final = 0.02
"""The minimum probability of the token with which another candidate leaves the greedy fill."""

FORKS: Final = 6
"""The most tokens tried at each place."""

ROOM: Final = 10
"""Drafted tokens that are read in a forward pass."""

JOINED: Final = 64
"""Tokens of fills that are read with the rest of the line after them."""

DOUBTFUL: Final = 0.6
"""If a fill must join the rest of a line and is less probable than this, others are written as well."""

BESIDE: Final = 4
"""How many forward passes' worth of time is reserved for joining when other fills are written."""

BEHIND: Final = 6.0
"""Nats by which a copy or another fill may be less probable than the greedy one before it is dropped."""

LONGER: Final = 8
"""Tokens by which it may be longer than the greedy fill."""

REVOKE: Final = 0.05
"""The old text of a gap being revised is kept while each token is at least this probable, unless set otherwise."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The model's tokens: its vocabulary, the tokens that end a gap, and a search by beginning."""

    vocabulary: Vocabulary
    ends: Ends
    healer: Healer

    def encode(self, text: str) -> list[int]:
        """Return the model's ids of a text."""
        return [it - RESERVED for it in self.vocabulary.encode(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of the model's ids."""
        return self.vocabulary.decode([it + RESERVED for it in ids])

    def breaks(self, token: int) -> bool:
        """Report whether a token contains a line break."""
        return "\n" in self.decode([token])

    def writer(self, cache: RowCache, *, block: bool, blank: Callable[[Sequence[int]], bool] | None = None) -> Writer:
        """Return a writer that continues a row; with `blank`, what it writes must be more than that."""
        most = LONGEST_BLOCK if block else LONGEST
        return Writer(cache, self.ends, not block, blank, self.breaks, most)


@dataclass(slots=True)
class OneGap:
    """One gap of a request.

    Attributes:
        request: with this gap alone.
        options: how many fills, and whether copies are tried.
        limits: deadline and cancellation.
        cache: of the row, opened.
        tokens: of the model.
        on_draft: called with the greedy fill after each forward pass.
        start: the gap's current text, if it is to be revised.
        guess: what was written here before the last key: a further draft, but no candidate of its own.
        denoiser: drafts as well, if the model has one.
        found: fills by their texts, the greedy one first.
        forwards: forward passes of the encoder spent so far.
        verify_ms: milliseconds that those took.
        denoise_ms: milliseconds that the denoiser took.
    """

    request: Request
    options: Options
    limits: Limits
    cache: RowCache
    tokens: Tokens
    on_draft: Callable[[Frame], None] | None
    start: str | None
    guess: str = ""
    denoiser: ShallowDenoiser | None = None
    found: dict[str, WrittenRow] = field(default_factory=dict)
    drafts: list[str] = field(default_factory=list)
    forwards: int = 0
    verify_ms: float = 0.0
    denoise_ms: float = 0.0
    _healed: Healed | None = None
    _took: float = 0.0
    _joined: dict[str, float] = field(default_factory=dict)
    _writer: Writer = field(init=False)
    _below: LinesBelow = field(init=False)

    def __post_init__(self) -> None:
        """Collect the drafts."""
        self._writer = self._new_writer()
        several = self.request.block and self.start is None
        self._below = LinesBelow.of(self.request.suffix if several else "")
        if self.start is not None:
            self.drafts = [self.start]
        elif self.options.retrieve:
            self.drafts = [text for (text,), _ in copies_for(self.request)]

    def _new_writer(self) -> Writer:
        """Return a writer after the row; several lines must hold something, unless their text is being revised."""
        block = self.request.block
        return self.tokens.writer(
            self.cache, block=block, blank=self._is_blank if block and self.start is None else None
        )

    def _is_blank(self, ids: Sequence[int]) -> bool:
        """Report whether tokens insert nothing but blanks."""
        return not self.tokens.decode(ids)[len(self._dropped) :].strip()

    def write(self) -> WrittenRow:
        """Write the greedy fill, and score the drafts that were read whole in its first forward pass."""
        drafted = [self.tokens.encode(it) for it in self.drafts]
        guessed = [self.tokens.encode(self.guess)] if self.guess else []
        going = self._step([WrittenRow()], [[*guessed, *drafted]])
        read = {text: self._writer.log_probability(ids) for text, ids in zip(self.drafts, drafted, strict=True)}
        if self.start is None:
            going = self._restarted(*going)
        written = self._best(going, drafted)
        self.found[self._text(written)] = written
        whole = self.start is None and written.stopped == "complete"
        least = written.total - BEHIND if whole else -math.inf
        for ids, (text, total) in zip(drafted, read.items(), strict=True):
            if total is not None and total > least:
                self.found.setdefault(text, self._scored(ids, total))
        return written

    def _best(self, going: Sequence[WrittenRow], drafted: Sequence[Sequence[int]]) -> WrittenRow:
        """Write to the end and return the most probable row; drop a row once an ended one is more probable."""
        ended: list[WrittenRow] = []
        while True:
            ended += [it for it in going if it.stopped is not None]
            least = max((it.total for it in ended), default=-math.inf)
            going = [it for it in going if it.stopped is None and it.total > least]
            if not going:
                return max(ended, key=lambda it: it.total)
            if late := late_by(self.limits):
                return replace(max([*ended, *going], key=lambda it: it.total), stopped=late)
            going = self._step(going, [self._going_on(drafted, it) for it in going])

    @property
    def is_doubtful(self) -> bool:
        """Whether the greedy fill must join the rest of its line and has a low probability; never for several lines."""
        greedy = next(iter(self.found.values()))
        joins = not self.request.block and bool(joining.rest_of_line(self.request.suffix))
        return joins and math.exp(greedy.total) < DOUBTFUL

    def write_others(self, wanted: int) -> None:
        """Write fills that leave the greedy one at some token, the most probable ones, side by side."""
        greedy = next(iter(self.found.values()))
        if self._healed and not self.cache.knows(ROOT):  # The earlier text had ended, and was more probable.
            self._writer.read([[self._healed.last]])
        others = sorted(self._forks(greedy), key=lambda it: it.total, reverse=True)
        others = [it for it in others if it.total > greedy.total - BEHIND]
        self._keep([it for it in others if it.stopped])
        going = [it for it in others if not it.stopped][: wanted - 1]
        while going and not late_by(self.limits) and self._has_time_for(BESIDE):
            began = time.perf_counter()
            going = self._writer.step(going, [[] for _ in going], Acceptance(), 0)
            self._took_forward(began)
            going = [self._ended_below(it) for it in going]
            self._keep([it for it in going if it.stopped == "complete"])
            going = [it for it in going if it.stopped is None and it.total > greedy.total - BEHIND]
            going = [it for it in going if len(it.ids) < len(greedy.ids) + LONGER]

    def write_shorter(self) -> None:
        """Read the greedy fill's first lines, each followed by an end: several lines that went wrong began well."""
        text, greedy = next(iter(self.found.items()))
        lines = text.split("\n")
        shorter = dict.fromkeys("\n".join(lines[:count]).rstrip() for count in range(1, len(lines)))
        if not shorter or late_by(self.limits) or not self._has_time_for(BESIDE + len(greedy.ids) // ROOM):
            return
        ids, lead = {it: self.tokens.encode(it) for it in shorter if it}, self._lead
        self._read([[*lead, *its] for its in ids.values()])
        for it, its in ids.items():
            total = self._writer.log_probability([*lead, *its], len(lead))
            if total is not None:
                self.found.setdefault(it, self._scored(its, total))

    @property
    def _lead(self) -> list[int]:
        """The tokens that fills begin with in place of the row's last one."""
        return [self._healed.last] if self._healed else []

    def _read(self, drafts: Sequence[Sequence[int]]) -> None:
        """Read drafts after the row in one forward pass, and count it."""
        began = time.perf_counter()
        self._writer.read(drafts)
        self._took_forward(began)

    def _keep(self, rows: Sequence[WrittenRow]) -> None:
        for it in rows:
            self.found.setdefault(self._text(it), it)

    def _forks(self, greedy: WrittenRow) -> Iterator[WrittenRow]:
        """Yield rows that agree with the greedy one up to some token and then go on with another, or end there."""
        healed = self._healed
        for number, node in enumerate((ROOT, *greedy.path)):
            if not self.cache.knows(node):
                return
            probabilities, end = self._writer.probabilities(node)
            if healed and not number:
                probabilities = probabilities / healed.mass
            agreed = WrittenRow(
                greedy.ids[:number], greedy.probabilities[:number], greedy.path[:number], healed=healed is not None
            )
            taken = greedy.ids[number] if number < len(greedy.ids) else END
            if number and taken != END and end >= LEAST_LIKELY:
                yield replace(agreed, probabilities=(*agreed.probabilities, end), stopped="complete")
            likely = probabilities.topk(FORKS)
            tokens = self.tokens.ends.ids[likely.indices].tolist()
            for probability, token in zip(likely.values.tolist(), tokens, strict=True):
                if token != taken and probability >= LEAST_LIKELY and (number or self._may_begin(token)):
                    ends = not self.request.block and self.tokens.breaks(token)
                    yield replace(
                        agreed,
                        ids=(*agreed.ids, token),
                        probabilities=(*agreed.probabilities, probability),
                        stopped="complete" if ends else None,
                    )

    def _may_begin(self, token: int) -> bool:
        """Report whether a fill may begin with a token: it repeats the dropped text, and was not tried in healing."""
        tried = self._healed is not None and token in {self._healed.token, self._healed.last}
        return not tried and self.tokens.decode([token]).startswith(self._dropped)

    def _took_forward(self, began: float) -> None:
        """Count a forward pass that began at a time of `time.perf_counter`."""
        self._took, self.forwards = time.perf_counter() - began, self.forwards + 1
        self.verify_ms += self._took * 1000

    def _has_time_for(self, forwards: int) -> bool:
        """Report whether this many forward passes like the last one fit before the deadline."""
        return self.limits.deadline is None or self.limits.clock() + forwards * self._took < self.limits.deadline

    def ranked(self) -> dict[str, float]:
        """Return the texts found with their probabilities of being right, the most probable first; 0 for cut-off ones.

        If the gap's line has a rest, fills are read with it after them, and each fill without the part that would
        repeat it becomes another candidate.
        """
        rest = "" if self.start is not None else joining.rest_of_line(self.request.suffix)
        whole = [text for text, it in self.found.items() if it.stopped == "complete"]
        if rest and whole and not late_by(self.limits):
            self._join(whole, rest)
        order = sorted(self.found, key=lambda it: self.found[it].total, reverse=True)
        right = {it: math.exp(self.found[it].total) if self.found[it].stopped == "complete" else 0.0 for it in order}
        own = {it: self.found[it].total for it in self._joined}
        return {**joining.weighed(own, self._joined), **{it: right[it] for it in order if it not in own}}

    def _join(self, texts: Sequence[str], rest: str) -> None:
        """Read fills with the rest of the line after them, as many as fit a forward pass."""
        texts = sorted(texts, key=lambda it: self.found[it].total, reverse=True)
        lead = self._lead
        ids, room = dict[str, tuple[list[int], list[int]]](), JOINED
        for text in joining.cut_back(texts, rest):
            alone, together = ([*lead, *self.tokens.encode(it)] for it in (text, text + rest))
            room -= len(together)
            if room >= 0:
                ids[text] = alone, together
        self._read([it for both in ids.values() for it in both])
        for text, (alone, together) in ids.items():
            total = self._writer.log_probability(alone, len(lead))
            joined = self._writer.log_probability(together, len(lead), ends=False)
            if total is None or joined is None:
                continue
            self._joined[text] = joined
            if text not in self.found or self.found[text].total < total:
                self.found[text] = self._scored(alone[len(lead) :], total)

    @property
    def _acceptance(self) -> Acceptance:
        """Which drafted tokens are kept: `remask` may be `verify:P`, or `revoke:P` for a text that is revised."""
        kind, _, value = self.options.remask.partition(":")
        if kind in ("verify", "revoke") and value not in ("", "equal"):
            return Acceptance(float(value)) if kind == "verify" or self.start is not None else Acceptance()
        return Acceptance() if self.start is None else Acceptance(REVOKE)

    def _step(self, going: Sequence[WrittenRow], drafts: Sequence[Sequence[Sequence[int]]]) -> list[WrittenRow]:
        """Run one forward pass: read drafts of each row, and commit the accepted tokens."""
        if late_by(self.limits) == "cancelled":
            return [replace(it, stopped="cancelled") for it in going]
        began = time.perf_counter()
        after = self._writer.step(going, [[it for it in its if it] for its in drafts], self._acceptance, ROOM)
        after = [self._ended_below(it) for it in after]
        self._took_forward(began)
        if self.on_draft is not None:
            took = round(self._took * 1000, 3)
            before, now = max(zip(going, after, strict=True), key=lambda it: it[1].total)
            self.on_draft(self._frame(now, f"{len(now.ids) - len(before.ids)} committed", took))
        return after

    def _ended_below(self, written: WrittenRow) -> WrittenRow:
        """End a row where it begins to repeat the code below; that it does so counts like an end there."""
        if not self._below.lines:
            return written
        text = self._text(written, whole=True) + ("\n" if written.stopped == "complete" else "")
        cut = self._below.repeated_from(text)
        if not cut:
            return written
        kept, length = 0, 0
        while length < cut:
            kept += 1
            length = len(self._text(replace(written, ids=written.ids[:kept]), whole=True))
        ids, excess = list(written.ids[:kept]), length - cut
        if excess:  # The last token goes on with the line break.
            ids[-1:] = self.tokens.encode(self.tokens.decode(ids[-1:])[:-excess])
        ended = math.prod(written.probabilities[kept:])
        if not excess and kept <= len(written.path) and self.cache.knows(node := written.path[kept - 1]):
            ended = min(1.0, ended + self._writer.probabilities(node)[1])
        ones = (1.0,) * (len(ids) - kept)
        return replace(
            written,
            ids=tuple(ids),
            probabilities=(*written.probabilities[:kept], *ones, ended),
            path=written.path[: kept - 1],
            stopped="complete",
        )

    def _going_on(self, drafted: Sequence[Sequence[int]], written: WrittenRow) -> list[list[int]]:
        """Return drafts of the continuation of the text written so far."""
        if self.start is not None:
            return remaining(drafted[0], written.ids)
        text = self._text(written, whole=True)
        guessed = [self.tokens.encode(self.guess[len(text) :])] if self.guess.startswith(text) else []
        copies = drafts_of(self.request, text, self.tokens.encode) if self.options.retrieve else []
        return [*guessed, *copies, *self._denoised(written)]

    def _denoised(self, written: WrittenRow) -> list[list[int]]:
        """Return the denoiser's drafts of the tokens after the one committed last."""
        if self.denoiser is None or len(written.ids) != len(written.path) + 1:
            return []
        masks = CANVAS if self.options.masks is None else self.options.masks
        began = time.perf_counter()
        drafted = self.denoiser.drafts(self.cache, written.tip, written.ids[-1], masks)
        self.denoise_ms += (time.perf_counter() - began) * 1000
        return drafted

    def _scored(self, ids: Sequence[int], total: float) -> WrittenRow:
        """Turn a draft that was read whole into a written row, from its log-probability."""
        each = math.exp(total / (len(ids) + 1))
        return WrittenRow(tuple(ids), (each,) * (len(ids) + 1), forwards=1, stopped="complete")

    def _restarted(self, written: WrittenRow) -> list[WrittenRow]:
        """Restart from one token earlier if a longer token is more probable there; with it, and with the old start."""
        if not self._writer.cache.knows(ROOT):
            return [written]
        line = self.request.prefix.rpartition("\n")[2]
        healed = self.tokens.healer.heal(self.cache, self._writer, self.tokens.decode, line)
        if healed is None:
            return [written]
        self._healed = healed
        self.cache.open(self.cache.ids[:-1])
        self._writer = self._new_writer()
        # The update was tuned on code cut at any place, so the probability of the cut itself carries no information.
        ids, probabilities = (healed.last, *written.ids), (1.0, *written.probabilities)
        kept = replace(written, ids=ids, probabilities=probabilities, path=(), healed=True)
        return [WrittenRow((healed.token,), (healed.probability,), healed=True), kept]

    @property
    def _dropped(self) -> str:
        """The text of the row's last token if fills begin with it."""
        return self._healed.dropped if self._healed else ""

    def _text(self, written: WrittenRow, *, whole: bool = False) -> str:
        """Return the text that a fill inserts."""
        text = self.tokens.decode(written.ids)[len(self._dropped) :]
        return text if whole or self.request.block else text.split("\n", 1)[0].rstrip("\r")

    def pieces(self, written: WrittenRow) -> list[tuple[str, float]]:
        """Return each token's inserted text and its probability; a token that was there before inserts nothing."""
        pieces = self.tokens.vocabulary.pieces([it + RESERVED for it in written.ids])
        if pieces and written.healed:
            pieces[0] = pieces[0].removeprefix(self._dropped)
        return [it for it in zip(pieces, written.probabilities, strict=False) if it[0]]

    def _frame(self, written: WrittenRow, event: str, took: float) -> Frame:
        shown = tuple(TraceToken(text, "committed", right) for text, right in self.pieces(written))
        return Frame(self.forwards, shown, event, took)


def late_by(limits: Limits) -> StopReason | None:
    """Return why the work must stop; None while there is time."""
    if limits.cancelled():
        return "cancelled"
    return "deadline" if limits.deadline is not None and limits.clock() >= limits.deadline else None
