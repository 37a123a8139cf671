"""The canvas: the row of tokens that the denoiser works on, for a batch of fills.

Canvases are never changed in place. Must not depend on text, networks or policies.

Shapes: B fills in the batch, C canvas positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from infill_model.vocabulary import MASK, PAD


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one canvas: pinned tokens that stay as they are, or a hole to be filled.

    A hole's ids are its starting draft: `MASK` everywhere, or a retrieved guess.
    """

    ids: Sequence[int]
    pinned: bool


@dataclass(frozen=True, slots=True)
class Canvas:
    """A batch of canvases, all on one device.

    Attributes:
        ids: (B, C) int64; `MASK` where nothing is committed yet, `PAD` right of a shorter canvas.
        pinned: (B, C) bool; these positions never change. Padding is pinned.
        hole: (B, C) int64; the index of the hole a position belongs to, -1 where pinned.
    """

    ids: Tensor
    pinned: Tensor
    hole: Tensor

    @classmethod
    def of(cls, rows: Sequence[Sequence[Piece]], device: torch.device | str = "cpu") -> "Canvas":
        """Lay pieces out left to right, one sequence of pieces for each fill."""
        width = max(sum(len(piece.ids) for piece in row) for row in rows)
        ids, pinned, hole = [], [], []
        for row in rows:
            row_ids: list[int] = []
            row_hole: list[int] = []
            index = -1
            for piece in row:
                index += not piece.pinned
                row_ids += piece.ids
                row_hole += [-1 if piece.pinned else index] * len(piece.ids)
            padding = width - len(row_ids)
            ids.append(row_ids + [PAD] * padding)
            hole.append(row_hole + [-1] * padding)
            pinned.append([h < 0 for h in hole[-1]])
        return cls(
            torch.tensor(ids, dtype=torch.int64, device=device),
            torch.tensor(pinned, dtype=torch.bool, device=device),
            torch.tensor(hole, dtype=torch.int64, device=device),
        )

    @property
    def masked(self) -> Tensor:
        """(B, C) bool: positions still to be committed."""
        return self.ids == MASK

    @property
    def committed(self) -> Tensor:
        """(B, C) bool: positions that the denoiser wrote."""
        return ~self.pinned & (self.ids != MASK)

    @property
    def complete(self) -> Tensor:
        """(B,) bool: fills in which no mask is left."""
        return ~self.masked.any(dim=1)

    def write(self, where: Tensor, ids: Tensor) -> "Canvas":
        """Replace the ids where `where` (B, C) is true; pinned positions always stay."""
        return replace(self, ids=torch.where(where & ~self.pinned, ids, self.ids))

    def remask(self, where: Tensor) -> "Canvas":
        """Turn positions back into masks where `where` (B, C) is true; pinned positions stay."""
        return self.write(where, torch.full_like(self.ids, MASK))
