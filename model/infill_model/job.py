"""One fill under way: a request laid out as a canvas, read back after denoising, and given more room when it is full.

It knows tokens and text, and neither the network nor the loop.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from infill_model.canvas import Piece
from infill_model.copied import copies_for
from infill_model.errors import StartError
from infill_model.policies.draft import Draft
from infill_model.request import Fill, Frame, Request, StopReason, Timing, Token
from infill_model.vocabulary import DEL, LINE, MASK, Vocabulary
from infill_model.window import Window, split_suffix

FIRST_MASKS = 8
"""Masks a gap starts with; what is too much becomes `<del>`. Where several gaps have no room for as many on one canvas,
they are filled in turn."""

MORE_MASKS = 16
"""By how many masks a full gap grows while the canvas has room."""

LONGEST_REST = 16
"""Tokens pinned behind a gap, the rest of its line; the network was trained with no more."""

MOST_BLOCKS = 6
"""How often a gap may grow or go on, so that a model that never ends a gap does."""


@dataclass(frozen=True, slots=True)
class Written:
    """A token that is final: its id, its confidence and step, and the hole it is in, or -1 if it was pinned."""

    id: int
    confidence: float
    step: int
    hole: int


@dataclass(slots=True)
class Job:
    """What is written for good, and the canvas that is being denoised.

    Attributes:
        context: the encoder's tokens.
        pieces: the canvas: holes and pinned stretches.
        temperature: 0 for the most probable tokens.
        seed: of sampling.
        retrieved: whether the canvas starts from copies.
        done: tokens that left the canvas on the left and joined the context.
        row: the canvas as it was read last.
        first_hole: index in the request of the canvas's first hole.
        steps: taken, earlier blocks included.
        blocks: how often it grew or went on.
        stopped: why the last block ended.
        frames: the trace, where one is wanted.
    """

    context: list[int]
    pieces: list[Piece]
    temperature: float = 0.0
    seed: int = 0
    retrieved: bool = False
    done: list[Written] = field(default_factory=list)
    row: list[Written] = field(default_factory=list)
    first_hole: int = 0
    steps: int = 0
    blocks: int = 0
    stopped: StopReason = "complete"
    frames: list[Frame] = field(default_factory=list)

    def read(self, draft: Draft, row: int) -> None:
        """Take a row of a finished draft over."""
        known = dict(enumerate(self.row))
        canvas = draft.canvas
        self.row = []
        columns = (canvas.ids[row], draft.confidence[row], draft.committed_at[row], canvas.hole[row])
        for index, (i, confidence, at, hole) in enumerate(zip(*(it.tolist() for it in columns), strict=True)):
            old = known.get(index)
            if at == 0 and old is not None and old.id == i:  # Written in an earlier block: keep what was known then.
                self.row.append(old)
            else:
                number = self.first_hole + hole if hole >= 0 else -1
                self.row.append(Written(i, confidence, self.steps + max(0, at), number))
        self.steps += draft.steps[row]
        self.stopped = draft.stopped[row] or "cancelled"

    def goes_on(self, context: int, canvas: int) -> bool:
        """Give a hole that filled up without a `<del>` more room; says whether there was such a hole.

        Args:
            context: tokens the encoder may be given; what is farthest from the gap goes first.
            canvas: positions a canvas may have.
        """
        if self.stopped not in ("complete", "stable") or self.blocks >= MOST_BLOCKS:
            return False
        start = 0
        for number, piece in enumerate(self.pieces):
            end = start + len(piece.ids)
            if not piece.pinned and all(it.id not in (DEL, MASK) for it in self.row[start:end]):
                self.blocks += 1
                self._enlarge(number, end, context, canvas)
                return True
            start = end
        return False

    def _enlarge(self, number: int, end: int, context: int, canvas: int) -> None:
        """Grow hole `number`, which ends at position `end`; or make it the next block when the canvas is full."""
        width = sum(len(piece.ids) for piece in self.pieces)
        now = self._pieces_as_read()
        if width + MORE_MASKS <= canvas:
            now[number] = Piece([*now[number].ids, *[MASK] * MORE_MASKS], pinned=False)
            self.row[end:end] = [Written(MASK, 0.0, 0, self.first_hole)] * MORE_MASKS
        else:  # What is left of the hole's end joins the encoder's cache.
            finished = [it for it in self.row[:end] if it.id != DEL]
            self.done += finished
            self.first_hole += sum(not piece.pinned for piece in now[:number])
            self.context = [*self.context, *(it.id for it in finished)][-context:]
            right = now[number + 1 :]
            now = [Piece([MASK] * (canvas - sum(len(it.ids) for it in right)), pinned=False), *right]
            self.row = []
        self.pieces = now

    def _pieces_as_read(self) -> list[Piece]:
        pieces = []
        start = 0
        for piece in self.pieces:
            end = start + len(piece.ids)
            pieces.append(Piece([it.id for it in self.row[start:end]], piece.pinned))
            start = end
        return pieces

    def fill(self, vocabulary: Vocabulary, gaps: int) -> Fill:
        """Read the job as text, without its times; what is pinned right of the last hole is the file's."""
        everything = [it for it in (*self.done, *self.row) if it.id != MASK]
        written = [it for it in everything if it.id != DEL]
        last = max((n for n, it in enumerate(written) if it.hole >= 0), default=-1)
        written = written[: last + 1]
        tokens = []
        texts = [""] * gaps
        for it, text in zip(written, vocabulary.pieces([it.id for it in written]), strict=True):
            tokens.append(Token(text, it.confidence, it.step, it.hole < 0))
            if it.hole >= 0:
                texts[it.hole] += text
        own = [max(it.confidence, 1e-9) for it in everything if it.hole >= 0]
        return Fill(
            texts=tuple(texts),
            tokens=tuple(tokens),
            confidence=math.exp(sum(map(math.log, own)) / len(own)) if own else 0.0,
            score=None,
            steps=self.steps,
            forwards=self.steps,
            ms=Timing(0.0, 0.0, 0.0),
            stopped=self.stopped,
            retrieved=self.retrieved,
            trace=tuple(self.frames),
        )


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy for each gap, how often such copies are right, and the job that starts from them."""

    texts: tuple[str, ...]
    chance: float
    job: Job


class Layout:
    """Lays requests out: which code is context, which is pinned, and where the masks are."""

    def __init__(self, vocabulary: Vocabulary, context: int, canvas: int) -> None:
        """Set up.

        Args:
            vocabulary: of the model.
            context: encoder tokens it was trained with.
            canvas: canvas positions it was trained with.
        """
        self.vocabulary, self.canvas = vocabulary, canvas
        self.window = Window(vocabulary, context)

    def rest(self, line: str, *, block: bool) -> list[int]:
        """Tokens of the rest of a gap's line, as far as they are looked at, and a mark unless a block is wanted."""
        ids = self.vocabulary.encode(line[: LONGEST_REST * 40])[: LONGEST_REST - 1]
        return ids if block else [*ids, LINE]

    def fits(self, request: Request) -> bool:
        """Whether all gaps of a request and what is pinned between them have room on one canvas."""
        between = sum(len(self.vocabulary.encode(it)) for it in request.between)
        return not request.between or between + LONGEST_REST + FIRST_MASKS * (len(request.between) + 1) <= self.canvas

    def context(self, request: Request) -> list[int]:
        """The encoder's tokens of a request."""
        return self.window.context(request.prefix, split_suffix(request.suffix)[1], request.files)

    def job(
        self, request: Request, temperature: float = 0.0, seed: int = 0, *, masks: int | Sequence[int] | None = None
    ) -> Job:
        """Each gap a hole, what stands between gaps and the rest of the last line pinned.

        Args:
            request: what is to be filled.
            temperature: of sampling; 0 for the most probable tokens.
            seed: of sampling.
            masks: that the gaps start with, all as many or each its own; `FIRST_MASKS` where None. No more than there
                is room for.
        """
        rest, _ = split_suffix(request.suffix)
        pinned = [self.vocabulary.encode(it) for it in request.between]
        tail = self.rest(rest, block=request.block)
        room = self.canvas - len(tail) - sum(map(len, pinned))
        wanted = masks if masks is not None else FIRST_MASKS
        each = [wanted] * (len(pinned) + 1) if isinstance(wanted, int) else wanted
        first, *others = (max(1, min(it, room // len(each))) for it in each)
        pieces = [Piece([MASK] * first, pinned=False)]
        for ids, count in zip(pinned, others, strict=True):
            pieces += [Piece(ids, pinned=True), Piece([MASK] * count, pinned=False)]
        pieces.append(Piece(tail, pinned=True))
        return Job(self.context(request), pieces, temperature, seed)

    def started(self, request: Request, texts: Sequence[str]) -> Job:
        """The job that starts from these texts instead of masks.

        Raises:
            StartError: there is not one for each gap, or they do not fit the canvas.
        """
        masked = self.job(request)
        gaps = len(request.between) + 1
        if len(texts) != gaps:
            raise StartError(f"a fill needs a text to start from for each gap: {gaps}, not {len(texts)}")
        pieces = self._holding(masked, texts)
        width = sum(len(piece.ids) for piece in pieces)
        if width > self.canvas:
            raise StartError(f"the text to start from needs {width} places; the canvas has {self.canvas}")
        return Job(masked.context, pieces)

    def copies(self, request: Request) -> list[Copied]:
        """What may be copied into the gaps, the likeliest first; what does not fit is left out."""
        found = copies_for(request)
        if not found:
            return []
        masked = self.job(request)
        laid_out = [(texts, chance, self._started(masked, texts)) for texts, chance in found]
        return [Copied(texts, chance, job) for texts, chance, job in laid_out if job]

    def copied(self, request: Request, texts: Sequence[str]) -> Job | None:
        """The job that starts from these texts as it does from copies; None when the canvas has no room for them."""
        return self._started(self.job(request), texts)

    def _started(self, masked: Job, texts: Sequence[str]) -> Job | None:
        """The job with a text in each hole instead of masks; None when the canvas has no room for them."""
        pieces = self._holding(masked, texts)
        if sum(len(piece.ids) for piece in pieces) > self.canvas:
            return None
        return Job(masked.context, pieces, retrieved=True)

    def _holding(self, masked: Job, texts: Sequence[str]) -> list[Piece]:
        """The canvas of a job with a text in each hole instead of masks, and where it may end."""
        pieces = list(masked.pieces)
        for number, text in enumerate(texts):
            pieces[2 * number] = Piece([*self.vocabulary.encode(text), DEL], pinned=False)
        return pieces
