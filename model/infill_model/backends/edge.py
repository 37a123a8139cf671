"""The edge between a checkpoint's ids and the canvas's: the loop, its policies and the canvas know only their own.

On a canvas a checkpoint's token i is i + `RESERVED`, so that the special ids keep their places and their meaning: its
mask is `MASK`, what it writes behind the end of a fill is `DEL`, and whatever must not be predicted is impossible.

Shapes: N positions, V the checkpoint's vocabulary.
"""

import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.backends.family import Ids
from infill_model.vocabulary import DEL, MASK, PAD, RESERVED


class Edge:
    """Ids and logits across the edge, both ways."""

    def __init__(self, ids: Ids, device: torch.device | str = "cpu") -> None:
        self.ids, self.device = ids, torch.device(device)
        never = [it for it in (ids.mask, *ids.never) if it != ids.end]
        self._never = torch.tensor(on_canvas(never), device=device)
        self._end = ids.mask if ids.end is None else ids.end

    def inward(self, ids: Tensor) -> Tensor:
        """Canvas ids of any shape -> the checkpoint's."""
        inside = ids - RESERVED
        inside = torch.where(ids == MASK, self.ids.mask, inside)
        return torch.where((ids == DEL) | (ids == PAD), self._end, inside)

    def row(self, ids: Sequence[int]) -> Tensor:
        """Canvas ids -> (n,) the checkpoint's, on its device."""
        return self.inward(torch.tensor(list(ids), dtype=torch.int64, device=self.device))

    def outward(self, logits: Tensor, forbidden: Tensor | None = None) -> Tensor:
        """The checkpoint's logits (N, V) -> (N, RESERVED + V); `forbidden` (N or 1, RESERVED + V) bool as well."""
        rows = F.pad(logits, (RESERVED, 0), value=-math.inf)
        if self.ids.end is not None:
            end = self.ids.end + RESERVED
            rows[:, DEL] = rows[:, end]
            rows[:, end] = -math.inf
        rows[:, self._never] = -math.inf
        return rows if forbidden is None else rows.masked_fill(forbidden, -math.inf)


def on_canvas(ids: Iterable[int]) -> list[int]:
    """The checkpoint's ids of text as canvas ids."""
    return [it + RESERVED for it in ids]
