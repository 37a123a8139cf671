"""From the code around the gaps to what a checkpoint reads: left of the canvas, on it, and right of it.

A model that sees both ways reads the code in its own order. One whose blocks see no later ones has the code behind the
gap moved before its canvas, between fill-in-the-middle marks where its tokenizer has them. It knows no networks.
"""

from typing import Final

from infill_model.denoising.canvas import Piece
from infill_model.files.id_map import Ids, on_canvas
from infill_model.files.tokenizer import CheckpointVocabulary
from infill_model.infill.job import Job
from infill_model.request import Request
from infill_model.vocabulary import LINE, MASK, MIDDLE

WINDOW: Final = 1536
"""Tokens around the gap; the families of Dream were trained on 2048, and a step without a cache reads all of them."""
_MOST_BETWEEN: Final = 256
"""Tokens between gaps, above which they are filled in turn."""
_CHARACTERS: Final = 8
"""Characters of a token that are looked at; more than any tokenizer packs into one of code on average."""
_LAYOUTS: Final = (
    (("<|fim_prefix|>", "above"), ("<|fim_suffix|>", "below"), ("<|fim_middle|>", "")),  # Qwen2.5-Coder
    (("<[fim-suffix]>", "below"), ("<[fim-prefix]>", "above"), ("<[fim-middle]>", "")),  # Seed-Coder
)
"""Marks for filling in the middle, and which code follows each, in the order the models were trained with."""


class Prompt:
    """Lays requests out for one checkpoint."""

    def __init__(self, vocabulary: CheckpointVocabulary, ids: Ids, *, sees_suffix: bool, window: int = WINDOW) -> None:
        self.vocabulary, self.ids, self.sees_suffix, self.window = vocabulary, ids, sees_suffix, window
        self._marks = _marks(vocabulary)

    def fits(self, request: Request) -> bool:
        """Whether all gaps of a request and what is pinned between them have room on one canvas."""
        return sum(len(self.vocabulary.encode(it)) for it in request.between) <= _MOST_BETWEEN

    def job(self, request: Request, masks: int, temperature: float = 0.0, seed: int = 0) -> Job:
        """Each gap a hole with some masks, what stands between gaps pinned."""
        pieces = [Piece([MASK] * masks, pinned=False)]
        for text in request.between:
            pieces += [Piece(self.vocabulary.encode(text), pinned=True), Piece([MASK] * masks, pinned=False)]
        return Job(self._context(request), pieces, temperature, seed)

    def around(self, request: Request) -> tuple[list[int], list[int]]:
        """Canvas ids of the code before the gaps, other files first, and of the code behind them."""
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
        if len(tail) < len(text) and "\n" in tail:  # A line cut in two would be split into other tokens.
            tail = tail[tail.index("\n") + 1 :]
        return self.vocabulary.encode(tail)[-most:]


def _marks(vocabulary: CheckpointVocabulary) -> list[tuple[int, str]]:
    """Canvas ids of the first layout whose marks are all known, and which code follows each; empty if none is."""
    for layout in _LAYOUTS:
        found = [(vocabulary.special_id(mark), side) for mark, side in layout]
        known = [(mark, side) for mark, side in found if mark is not None]
        if len(known) == len(layout):
            return known
    return []
