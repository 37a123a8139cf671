"""Denoising jobs and their progress: a canvas, read back after each run, with more room if a hole is full.

Must not depend on the network or the loop.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from infill_model.denoising.canvas import Piece
from infill_model.denoising.draft import Draft
from infill_model.request import Fill, Frame, StopReason, Timing, Token
from infill_model.vocabulary import DEL, MASK, Vocabulary

MORE_MASKS = 16
"""How many masks a full gap gains while the canvas has room."""

MOST_BLOCKS = 6
"""How often a gap may grow or continue, so that a model that never ends a gap still terminates."""


@dataclass(frozen=True, slots=True)
class FinalToken:
    """A final token: its id, confidence and step, and the index of its hole, or -1 if it was pinned."""

    id: int
    confidence: float
    step: int
    hole: int


@dataclass(frozen=True, slots=True)
class GapTokens:
    """The surroundings of one gap, in tokens.

    Attributes:
        context: the encoder's tokens.
        rest: of the gap's line, and the mark after it.
    """

    context: Sequence[int]
    rest: Sequence[int]


@dataclass(frozen=True, slots=True)
class Job:
    """A canvas to be denoised.

    Attributes:
        context: the encoder's tokens.
        pieces: the canvas: holes and pinned stretches.
        temperature: 0 for the most probable tokens.
        seed: for sampling.
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
        """The surroundings of its last gap."""
        return GapTokens(self.context, self.pieces[-1].ids)

    @property
    def width(self) -> int:
        """The number of canvas positions."""
        return sum(len(it.ids) for it in self.pieces)


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress of a job; the loop makes the next from the last.

    Attributes:
        job: the canvas to be denoised next; it grows, and moves on to the next block.
        done: tokens that left the canvas on the left and joined the context.
        row: the canvas as it was last read.
        first_hole: the request's index of the canvas's first hole.
        steps: taken so far, including earlier blocks.
        blocks: how often it grew or continued.
        stopped: why the last block ended.
        frames: the trace, if requested.
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
        """All tokens from left to right, including deletions but not masks."""
        return [it for it in (*self.done, *self.row) if it.id != MASK]

    def read(self, draft: Draft, row: int, frames: Sequence[Frame] = ()) -> "JobProgress":
        """Return the progress updated with a row of a finished draft and the frames of its steps."""
        known = dict(enumerate(self.row))
        canvas = draft.canvas
        now: list[FinalToken] = []
        columns = (canvas.ids[row], draft.confidence[row], draft.committed_at[row], canvas.hole[row])
        for index, (i, confidence, at, hole) in enumerate(zip(*(it.tolist() for it in columns), strict=True)):
            old = known.get(index)
            if at == 0 and old is not None and old.id == i:  # Written in an earlier block: keep its record.
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
        """Return the progress with more room for a hole that filled up without a `<del>`; None without such a hole.

        Args:
            context: the maximum number of encoder tokens; those farthest from the gap are dropped first.
            canvas: the maximum number of canvas positions.
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
        """Add masks to hole `number`, which ends at position `end`."""
        now = self._pieces_as_read()
        now[number] = Piece([*now[number].ids, *[MASK] * MORE_MASKS], pinned=False)
        more = (FinalToken(MASK, 0.0, 0, self.first_hole),) * MORE_MASKS
        return replace(self, job=replace(self.job, pieces=now), row=(*self.row[:end], *more, *self.row[end:]))

    def _gone_on(self, number: int, end: int, context: int, canvas: int) -> "JobProgress":
        """Start the next block of hole `number`, which ends at position `end`; what is left of it joins the context."""
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
        """Return the text and its confidence, without times."""
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
    """Return the text of each gap, and all tokens; pinned tokens to the right of the last hole belong to the file."""
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
