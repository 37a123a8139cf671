"""Read the fixtures of the families' own reference code, stored beside the repository; without them tests skip."""

import itertools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.draft import PolicyStep, lowest
from infill_model.families.family import TransformerFamily
from infill_model.families.registry import FAMILIES
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import IdMap, Ids, on_canvas
from infill_model.transformer.sequence import CacheMode, SequenceDenoiser
from infill_model.transformer.transformer import Transformer
from infill_model.vocabulary import MASK, MIDDLE, PAD, RESERVED

TOLERANCE = 2e-4


PARITY = Path(os.environ.get("INFILL_PARITY", Path(__file__).resolve().parents[4] / "shared" / "parity"))
needs_parity = pytest.mark.skipif(
    not PARITY.is_dir(), reason=f"there are no outputs of the families' reference code in {PARITY} (or $INFILL_PARITY)"
)


def named(name: str) -> TransformerFamily:
    return next(it for it in FAMILIES if isinstance(it, TransformerFamily) and it.name == name)


@dataclass(frozen=True)
class Reference:
    """A tiny checkpoint, and the output of the reference code for it."""

    family: TransformerFamily
    checkpoint: Checkpoint
    cases: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @classmethod
    def of(cls, name: str) -> "Reference":
        place = PARITY / name.replace("-", "_")
        return cls(
            named(name),
            Checkpoint.open(place),
            json.loads((place / "cases.json").read_text()),
            dict(np.load(place / "cases.npz")),
        )

    def network(self) -> Transformer:
        return self.family.network(self.checkpoint, torch.float32, "cpu")

    def array(self, case: str, name: str) -> Tensor | None:
        found = self.arrays.get(f"{case}.{name}")
        return None if found is None else torch.from_numpy(found)

    def decode(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(it for it in self.cases["decode"] if it["name"] == name)
        return found


def names(family: str, kind: str) -> list[str]:
    """Return the cases of a family; one placeholder when there are no fixtures, so that the skip is visible."""
    if not PARITY.is_dir():
        return ["absent"]
    cases = json.loads((PARITY / family.replace("-", "_") / "cases.json").read_text())
    return [it["name"] for it in cases[kind]]


def counts(canvases: list[Any], mask: int) -> list[list[int]]:
    """Return how many masks each row of the reference's canvases lost in each step; empty steps are left out."""
    rows = [[one] if isinstance(one[0], int) else one for one in canvases]
    left = [[row.count(mask) for row in canvas] for canvas in rows]
    lost = [[a - b for a, b in zip(before, after, strict=True)] for before, after in itertools.pairwise(left)]
    return [it for it in lost if any(it)]


Score = Callable[[PolicyStep], Tensor]


def entropy(step: PolicyStep) -> Tensor:
    return step.prediction.entropy


def entropy_of_top_50(step: PolicyStep) -> Tensor:
    """Return the entropy of the top 50: undocumented, but only so does diffusion_generate's sixth step match."""
    top = step.prediction.weights.topk(50, dim=1).values
    chance = top / top.sum(1, keepdim=True)
    flat = torch.zeros(step.masked.numel())
    return flat.index_copy(0, step.prediction.at, -(chance * chance.log()).sum(1)).view_as(step.masked)


def confidence(step: PolicyStep) -> Tensor:
    return -step.prediction.confidence


def margin(step: PolicyStep) -> Tensor:
    top = step.prediction.weights.topk(2, dim=1).values
    difference = (top[:, 0] - top[:, 1]) / step.prediction.total
    flat = torch.zeros(step.masked.numel())
    return -flat.index_copy(0, step.prediction.at, difference).view_as(step.masked)


@dataclass(frozen=True)
class Schedule:
    """Takes the best positions by a score, as many in each step as the reference's own schedule took."""

    may_wait: ClassVar[bool] = False
    counts: list[list[int]]
    score: Score

    def __call__(self, step: PolicyStep) -> Tensor:
        now = torch.tensor(self.counts[step.draft.step]).unsqueeze(1)
        return lowest(self.score(step), step.masked, now)


def plain(it: Reference, mask: int, reuse: CacheMode = CacheMode.NONE) -> SequenceDenoiser:
    """Return a denoiser whose tokens are all text, as in the reference's samplers."""
    block = it.family.block
    return SequenceDenoiser(
        it.network(),
        IdMap(Ids(mask=mask)),
        shifted=it.family.shifted,
        block=None if block is None else block(it.checkpoint),
        reuse=reuse,
    )


def laid_out(rows: Sequence[Sequence[int]], mask: int, pads: int | None = None) -> tuple[list[list[int]], Canvas]:
    """Convert rows of the reference into contexts and a canvas that reaches from the first mask to the last.

    Args:
        rows: ids.
        mask: id of the mask.
        pads: id of the padding on the left or right, which is not part of the text.
    """
    contexts, pieces = [], []
    for row in rows:
        text = list(row)
        if pads is not None:
            while text[0] == pads:
                text = text[1:]
            while text[-2:] == [pads, pads]:
                text = text[:-1]
        masks = [n for n, i in enumerate(text) if i == mask]
        start, end = masks[0], masks[-1] + 1
        contexts.append([*on_canvas(text[:start]), MIDDLE, *on_canvas(text[end:])])
        stretches: list[Piece] = []
        for i in text[start:end]:
            stretches.append(Piece([MASK], False) if i == mask else Piece(on_canvas([i]), True))
        pieces.append(stretches)
    return contexts, Canvas.of(pieces)


def written(canvas: Canvas, mask: int) -> list[list[int]]:
    """Return the canvases in the checkpoint's ids, padding left out."""
    return [[mask if i == MASK else i - RESERVED for i in row if i != PAD] for row in canvas.ids.tolist()]
