"""What is to be denoised, and how far that is: a canvas, read back after each run, with more room where it is full.

It knows tokens and text, and neither the network nor the loop.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from infill_model.denoising.canvas import Piece
from infill_model.denoising.draft import Draft
from infill_model.request import Fill, Frame, StopReason, Timing, Token
from infill_model.vocabulary import DEL, MASK, Vocabulary

MORE_MASKS = 16
"""By how many masks a full gap grows while the canvas has room."""

MOST_BLOCKS = 6
"""How often a gap may grow or go on, so that a model that never ends a gap does."""


@dataclass(frozen=True, slots=True)
class FinalToken:
    """A token that is final: its id, its confidence and step, and the hole it is in, or -1 if it was pinned."""

    id: int
    confidence: float
    step: int
    hole: int


@dataclass(frozen=True, slots=True)
class GapTokens:
    """Where one gap is, in tokens.

    Attributes:
        context: the encoder's tokens.
        rest: of the gap's line, and the mark behind it.
    """

    context: Sequence[int]
    rest: Sequence[int]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be denoised.

    Attributes:
        context: the encoder's tokens.
        pieces: the canvas: holes and pinned stretches.
        temperature: 0 for the most probable tokens.
        seed: of sampling.
        retrieved: whether the canvas starts from copies.
        grows: whether a hole that fills up gets more room.
    """

    context: Sequence[int]
    pieces: Sequence[Piece]
    temperature: float = 0.0
    seed: int = 0
    retrieved: bool = False
    grows: bool = True

    @property
    def place(self) -> GapTokens:
        """Where its last gap is."""
        return GapTokens(self.context, self.pieces[-1].ids)

    @property
    def width(self) -> int:
        """Positions of the canvas."""
        return sum(len(it.ids) for it in self.pieces)


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is; the loop makes the next from the last.

    Attributes:
        job: the canvas as it is to be denoised next; it grows, and moves on to the next block.
        done: tokens that left the canvas on the left and joined the context.
        row: the canvas as it was read last.
        first_hole: index in the request of the canvas's first hole.
        steps: taken, earlier blocks included.
        blocks: how often it grew or went on.
        stopped: why the last block ended.
        frames: the trace, where one is wanted.
    """

    job: Job
    done: tuple[FinalToken, ...] = ()
    row: tuple[FinalToken, ...] = ()
    first_hole: int = 0
    steps: int = 0
    blocks: int = 0
    stopped: StopReason = "complete"
    frames: tuple[Frame, ...] = ()

    @property
    def written(self) -> list[FinalToken]:
        """All tokens from left to right, deletions included and masks left out."""
        return [it for it in (*self.done, *self.row) if it.id != MASK]

    def read(self, draft: Draft, row: int, frames: Sequence[Frame] = ()) -> "JobProgress":
        """With a row of a finished draft taken over, and the frames of its steps."""
        known = dict(enumerate(self.row))
        canvas = draft.canvas
        now: list[FinalToken] = []
        columns = (canvas.ids[row], draft.confidence[row], draft.committed_at[row], canvas.hole[row])
        for index, (i, confidence, at, hole) in enumerate(zip(*(it.tolist() for it in columns), strict=True)):
            old = known.get(index)
            if at == 0 and old is not None and old.id == i:  # Written in an earlier block: keep what was known then.
                now.append(old)
            else:
                number = self.first_hole + hole if hole >= 0 else -1
                now.append(FinalToken(i, confidence, self.steps + max(0, at), number))
        return replace(
            self,
            row=tuple(now),
            steps=self.steps + draft.steps[row],
            stopped=draft.stopped[row] or "cancelled",
            frames=(*self.frames, *frames),
        )

    def grown(self, context: int, canvas: int) -> "JobProgress | None":
        """With more room for a hole that filled up without a `<del>`; None where there is no such hole.

        Args:
            context: tokens the encoder may be given; what is farthest from the gap goes first.
            canvas: positions a canvas may have.
        """
        if not self.job.grows or self.stopped not in ("complete", "stable") or self.blocks >= MOST_BLOCKS:
            return None
        start = 0
        for number, piece in enumerate(self.job.pieces):
            end = start + len(piece.ids)
            if not piece.pinned and all(it.id not in (DEL, MASK) for it in self.row[start:end]):
                more = self._wider if self.job.width + MORE_MASKS <= canvas else self._gone_on
                return replace(more(number, end, context, canvas), blocks=self.blocks + 1)
            start = end
        return None

    def _wider(self, number: int, end: int, _context: int, _canvas: int) -> "JobProgress":
        """With more masks in hole `number`, which ends at position `end`."""
        now = self._pieces_as_read()
        now[number] = Piece([*now[number].ids, *[MASK] * MORE_MASKS], pinned=False)
        more = (FinalToken(MASK, 0.0, 0, self.first_hole),) * MORE_MASKS
        return replace(self, job=replace(self.job, pieces=now), row=(*self.row[:end], *more, *self.row[end:]))

    def _gone_on(self, number: int, end: int, context: int, canvas: int) -> "JobProgress":
        """In the next block of hole `number`, which ends at position `end`: what is left of that joins the context."""
        now = self._pieces_as_read()
        finished = tuple(it for it in self.row[:end] if it.id != DEL)
        right = now[number + 1 :]
        masks = [MASK] * (canvas - sum(len(it.ids) for it in right))
        job = replace(
            self.job,
            context=[*self.job.context, *(it.id for it in finished)][-context:],
            pieces=[Piece(masks, pinned=False), *right],
        )
        left = sum(not piece.pinned for piece in now[:number])
        return replace(self, job=job, done=self.done + finished, row=(), first_hole=self.first_hole + left)

    def _pieces_as_read(self) -> list[Piece]:
        pieces = []
        start = 0
        for piece in self.job.pieces:
            end = start + len(piece.ids)
            pieces.append(Piece([it.id for it in self.row[start:end]], piece.pinned))
            start = end
        return pieces

    def fill(self, vocabulary: Vocabulary, gaps: int) -> Fill:
        """The text and its confidence, without times."""
        texts, tokens = read_out(vocabulary, self.written, gaps)
        return Fill(
            texts=texts,
            tokens=tokens,
            confidence=math.prod(it.confidence for it in tokens if not it.pinned),
            score=None,
            steps=self.steps,
            forwards=self.steps,
            ms=Timing(0.0, 0.0, 0.0),
            stopped=self.stopped,
            retrieved=self.job.retrieved,
            trace=self.frames,
        )


def read_out(
    vocabulary: Vocabulary, tokens: Sequence[FinalToken], gaps: int
) -> tuple[tuple[str, ...], tuple[Token, ...]]:
    """The text of each gap, and all tokens; what is pinned right of the last hole is the file's."""
    written = [it for it in tokens if it.id != DEL]
    last = max((n for n, it in enumerate(written) if it.hole >= 0), default=-1)
    written = written[: last + 1]
    pieces = vocabulary.pieces([it.id for it in written])
    texts = [""] * gaps
    for it, text in zip(written, pieces, strict=True):
        if it.hole >= 0:
            texts[it.hole] += text
    return tuple(texts), tuple(
        Token(text, it.confidence, it.step, it.hole < 0) for it, text in zip(written, pieces, strict=True)
    )
