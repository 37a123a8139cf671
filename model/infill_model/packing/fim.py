"""The row that a fill-in-the-middle model reads, in the order that keeps its cache exact while the user types.

    <|fim_prefix|> {<|file_sep|> other file}* <|fim_suffix|> code after the gap <|fim_middle|> code before the gap

Typed text is appended at the end, so nothing already encoded moves. Published models put the code before the gap first;
a low-rank update teaches them this order (`training/tuning/tune.py`). A model without an update is given its own order,
in which each keystroke makes it read the code after the gap again. Training and inference both lay rows out here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infill_model.errors import WeightsError

END: Final = "<|endoftext|>"
"""Ends a gap."""

OTHER_GAP: Final = "<|fim_pad|>"
"""Stands in the code after a gap for another gap that is still to be filled."""


@dataclass(frozen=True, slots=True)
class FimMarks:
    """The ids of the marks, in the caller's numbering."""

    prefix: int
    suffix: int
    middle: int
    file: int
    other_gap: int
    end: int

    @classmethod
    def of(cls, ids: dict[str, int]) -> "FimMarks":
        """Take the marks from special tokens by name.

        Raises:
            WeightsError: one is missing, so the model was not trained to fill in the middle.
        """
        names = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>", OTHER_GAP, END)
        if missing := [it for it in names if it not in ids]:
            raise WeightsError(f"the tokenizer has no {missing[0]}, so the model cannot fill in the middle")
        return cls(*(ids[it] for it in names))

    def row(
        self,
        files: Sequence[Sequence[int]],
        below: Sequence[int],
        above: Sequence[int],
        *,
        prefix_first: bool = False,
    ) -> list[int]:
        """Lay out the ids of other files, of the code after the gap, and of the code before it."""
        others = [token for file in files for token in (self.file, *file)]
        if prefix_first:
            return [*others, self.prefix, *above, self.suffix, *below, self.middle]
        return [self.prefix, *others, self.suffix, *below, self.middle, *above]
