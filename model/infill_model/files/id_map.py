"""Maps between a checkpoint's ids and the canvas's; the loop, its policies and the canvas see only canvas ids.

On a canvas a checkpoint's token i is i + `RESERVED`, so that the special ids keep their places and their meaning: its
mask is `MASK`, its padding after the end of a fill is `DEL`, and tokens that must not be predicted are impossible.
Shapes: N positions, V the checkpoint's vocabulary.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.vocabulary import DEL, MASK, PAD, RESERVED


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a checkpoint that have a special role.

    Attributes:
        mask: stands where nothing is committed.
        end: the token that the model writes after the end of a fill; it becomes `<del>`, and vanishes from the text.
        never: tokens that are not text, such as chat markers, and are never predicted.
        begin: put before the code, if the model was trained with it.
        close: put after the code, if the model was trained with it.
        expand: stands for two masks.
    """

    mask: int
    end: int | None = None
    never: tuple[int, ...] = ()
    begin: int | None = None
    close: int | None = None
    expand: int | None = None


class IdMap:
    """Maps ids and logits in both directions."""

    def __init__(self, ids: Ids, device: torch.device | str = "cpu") -> None:
        self.ids, self.device = ids, torch.device(device)
        never = [it for it in (ids.mask, *ids.never) if it != ids.end]
        self._never = torch.tensor(on_canvas(never), device=device)
        self._end = ids.mask if ids.end is None else ids.end

    def inward(self, ids: Tensor) -> Tensor:
        """Map canvas ids of any shape to the checkpoint's."""
        inside = ids - RESERVED
        inside = torch.where(ids == MASK, self.ids.mask, inside)
        return torch.where((ids == DEL) | (ids == PAD), self._end, inside)

    def row(self, ids: Sequence[int]) -> Tensor:
        """Map canvas ids to the checkpoint's ids (n,), on its device."""
        return self.inward(torch.tensor(list(ids), dtype=torch.int64, device=self.device))

    def outward(self, logits: Tensor) -> Tensor:
        """Map the checkpoint's logits (N, V) to (N, RESERVED + V)."""
        rows = F.pad(logits, (RESERVED, 0), value=-math.inf)
        if self.ids.end is not None:
            end = self.ids.end + RESERVED
            rows[:, DEL] = rows[:, end]
            rows[:, end] = -math.inf
        rows[:, self._never] = -math.inf
        return rows


def on_canvas(ids: Iterable[int]) -> list[int]:
    """Map the checkpoint's text ids to canvas ids."""
    return [it + RESERVED for it in ids]
