"""Turns the code around the gaps into a checkpoint's input: left of the canvas, on it, and right of it.

A bidirectional model reads the code in its own order. For a model whose blocks do not see later ones, the code after
the gap is moved before its canvas, between fill-in-the-middle marks if its tokenizer has them. Must not use networks.
"""

from typing import Final

from infill_model.denoising.canvas import Piece
from infill_model.files.id_map import Ids, on_canvas
from infill_model.files.tokenizer import CheckpointVocabulary
from infill_model.infill.job import Job
from infill_model.request import Request
from infill_model.vocabulary import LINE, MASK, MIDDLE

WINDOW: Final = 1536
"""Tokens around the gap; the Dream families were trained on 2048, and a step without a cache reads all of them."""
_MOST_BETWEEN: Final = 256
"""The maximum number of tokens between gaps; with more, they are filled in turn."""
_CHARACTERS: Final = 8
"""The maximum number of characters read per token; more than the average of any tokenizer on code."""
_LAYOUTS: Final = (
    (("<|fim_prefix|>", "above"), ("<|fim_suffix|>", "below"), ("<|fim_middle|>", "")),  # Qwen2.5-Coder
    (("<[fim-suffix]>", "below"), ("<[fim-prefix]>", "above"), ("<[fim-middle]>", "")),  # Seed-Coder
)
"""Marks for filling in the middle, and the code that follows each, in the order the models were trained with."""


class Prompt:
    """Lays requests out for one checkpoint."""

    def __init__(self, vocabulary: CheckpointVocabulary, ids: Ids, *, sees_suffix: bool, window: int = WINDOW) -> None:
        self.vocabulary, self.ids, self.sees_suffix, self.window = vocabulary, ids, sees_suffix, window
        self._marks = _marks(vocabulary)

    def fits(self, request: Request) -> bool:
        """Report whether all gaps of a request and the pinned code between them fit on one canvas."""
        return sum(len(self.vocabulary.encode(it)) for it in request.between) <= _MOST_BETWEEN

    def job(self, request: Request, masks: int, temperature: float = 0.0, seed: int = 0) -> Job:
        """Lay out each gap as a hole with this many masks, with the code between gaps pinned."""
        pieces = [Piece([MASK] * masks, pinned=False)]
        for text in request.between:
            pieces += [Piece(self.vocabulary.encode(text), pinned=True), Piece([MASK] * masks, pinned=False)]
        return Job(self._context(request), pieces, temperature, seed)

    def around(self, request: Request) -> tuple[list[int], list[int]]:
        """Return canvas ids of the code before the gaps, with other files first, and of the code after them."""
        below = self._first(request.suffix, self.window // 3)
        return self._last("\n".join([*request.files, request.prefix]), self.window - len(below)), below

    def _context(self, request: Request) -> list[int]:
        above, below = self.around(request)
        begin = [] if self.ids.begin is None else on_canvas([self.ids.begin])
        if self.sees_suffix:
            close = [] if self.ids.close is None else on_canvas([self.ids.close])
            return [*begin, *above, MIDDLE, *below, *close, *([] if request.block else [LINE])]
        if self._marks:
            code = {"above": above, "below": below, "": []}
            return [*begin, *(it for mark, side in self._marks for it in (mark, *code[side]))]
        return [*begin, *below, *self.vocabulary.encode("\n"), *above]

    def _first(self, text: str, most: int) -> list[int]:
        return self.vocabulary.encode(text[: most * _CHARACTERS])[:most]

    def _last(self, text: str, most: int) -> list[int]:
        tail = text[-most * _CHARACTERS :]
        if len(tail) < len(text) and "\n" in tail:  # A line cut in two would be split into different tokens.
            tail = tail[tail.index("\n") + 1 :]
        return self.vocabulary.encode(tail)[-most:]


def _marks(vocabulary: CheckpointVocabulary) -> list[tuple[int, str]]:
    """Return canvas ids of the first layout whose marks are all known, and the code after each; empty if none is."""
    for layout in _LAYOUTS:
        found = [(vocabulary.special_id(mark), side) for mark, side in layout]
        known = [(mark, side) for mark, side in found if mark is not None]
        if len(known) == len(layout):
            return known
    return []
