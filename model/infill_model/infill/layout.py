"""Lays requests out in tokens: which code is context, which is pinned, and where the masks are."""

from collections.abc import Sequence
from dataclasses import replace

from infill_model.denoising.canvas import Piece
from infill_model.errors import StartError
from infill_model.infill.job import GapTokens, Job
from infill_model.infill.window import ContextWindow, split_suffix
from infill_model.request import Request
from infill_model.vocabulary import DEL, LINE, MASK, Vocabulary

FIRST_MASKS = 8
"""Masks a gap starts with; surplus ones become `<del>`. Gaps that do not all have room for this many on one canvas are
filled in turn."""

LONGEST_REST = 16
"""Tokens pinned after a gap, the rest of its line; the network was trained with no more."""


class Layout:
    """Lays requests out for one model."""

    def __init__(self, vocabulary: Vocabulary, context: int, canvas: int) -> None:
        """Set up the layout.

        Args:
            vocabulary: of the model.
            context: encoder tokens it was trained with.
            canvas: canvas positions it was trained with.
        """
        self.vocabulary, self.canvas = vocabulary, canvas
        self.window = ContextWindow(vocabulary, context)

    def fits(self, request: Request) -> bool:
        """Report whether all gaps of a request and the pinned code between them fit on one canvas."""
        between = sum(len(self.vocabulary.encode(it)) for it in request.between)
        return not request.between or between + LONGEST_REST + FIRST_MASKS * (len(request.between) + 1) <= self.canvas

    def place(self, request: Request) -> GapTokens:
        """Return the context and the rest of the line around the last gap of a request."""
        rest, below = split_suffix(request.suffix)
        context = self.window.context(request.prefix, below)
        return GapTokens(context, self._rest(rest, block=request.block))

    def _rest(self, line: str, *, block: bool) -> list[int]:
        """Encode the start of the rest of a gap's line, followed by a mark unless a block is wanted."""
        ids = self.vocabulary.encode(line[: LONGEST_REST * 40])[: LONGEST_REST - 1]
        return ids if block else [*ids, LINE]

    def job(self, request: Request, masks: int | Sequence[int] | None = None) -> Job:
        """Lay out each gap as a hole, with the code between gaps and the rest of the last line pinned.

        Args:
            request: to be filled.
            masks: the number that the gaps start with, for all or for each; `FIRST_MASKS` if None. Limited to the room
                on the canvas.
        """
        place = self.place(request)
        pinned = [self.vocabulary.encode(it) for it in request.between]
        room = self.canvas - len(place.rest) - sum(map(len, pinned))
        wanted = masks if masks is not None else FIRST_MASKS
        each = [wanted] * (len(pinned) + 1) if isinstance(wanted, int) else wanted
        first, *others = (max(1, min(it, room // len(each))) for it in each)
        pieces = [Piece([MASK] * first, pinned=False)]
        for ids, count in zip(pinned, others, strict=True):
            pieces += [Piece(ids, pinned=True), Piece([MASK] * count, pinned=False)]
        return Job(place.context, [*pieces, Piece(place.rest, pinned=True)])

    def started(self, request: Request, texts: Sequence[str]) -> Job:
        """Return the job that starts from these texts instead of masks.

        Raises:
            StartError: their number differs from that of the gaps, or they do not fit the canvas.
        """
        gaps = len(request.between) + 1
        if len(texts) != gaps:
            raise StartError(f"a fill needs one starting text per gap: {gaps}, not {len(texts)}")
        job = self.holding(self.job(request), texts)
        if job.width > self.canvas:
            raise StartError(f"the starting text needs {job.width} positions; the canvas has {self.canvas}")
        return job

    def copied(self, masked: Job, texts: Sequence[str]) -> Job | None:
        """Return the job that starts from copies; None if the canvas has no room for them."""
        job = self.holding(masked, texts)
        return replace(job, retrieved=True) if job.width <= self.canvas else None

    def holding(self, masked: Job, texts: Sequence[str]) -> Job:
        """Return the job with a text in each hole instead of masks, followed by a position where it may end."""
        pieces = list(masked.pieces)
        for number, text in enumerate(texts):
            pieces[2 * number] = Piece([*self.vocabulary.encode(text), DEL], pinned=False)
        return replace(masked, pieces=pieces)
