"""Chooses the length that a model filled best: offsets measured once for a checkpoint, and stored next to it.

A model that cannot determine the length of a fill fills several lengths, and the one with the highest probability per
token is taken. That probability also depends on the length itself, in a way that varies between models; so an offset
is subtracted from the logarithm for each length. Without a measurement it is zero for all.

Must not depend on networks or how a fill is made. The measurement is in `evaluation/studies/lengths.py`.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from infill_model.errors import WeightsError
from infill_model.files.checkpoint import CheckpointConfig, Json, read_json
from infill_model.infill.job import FinalToken

SIDECAR: Final = "infill_lengths.json"
_STEP: Final = 0.1
_REACH: Final = 2.0
_KINDS: Final = ("line", "block")


def probability_of(written: Iterable[FinalToken]) -> float:
    """Multiply the probabilities of all tokens, deletions and ends included: the probability that all is right."""
    return math.prod(it.confidence for it in written if it.hole >= 0)


def probability_per_token(written: Iterable[FinalToken]) -> float:
    """Return the geometric mean of the same probabilities, which compares fills of different lengths."""
    logs = [math.log(max(it.confidence, 1e-9)) for it in written if it.hole >= 0]
    return math.exp(sum(logs) / len(logs)) if logs else 0.0


@dataclass(frozen=True, slots=True)
class Offsets:
    """The numbers subtracted from the logarithm of a fill's probability per token, by the masks a gap started with.

    Attributes:
        line: within a line.
        block: of several lines.
        gaps: the number of held-out gaps of the measurement; 0 without one.
    """

    line: Mapping[int, float] = field(default_factory=dict)
    block: Mapping[int, float] = field(default_factory=dict)
    gaps: int = 0

    def rank(self, per_token: float, masks: int, *, block: bool) -> float:
        """Return the number by which fills of different lengths are compared; the highest is best."""
        off = (self.block if block else self.line).get(masks, 0.0)
        return math.log(max(per_token, 1e-9)) - off

    @classmethod
    def beside(cls, folder: Path) -> "Offsets":
        """Read the measurements for the checkpoint in a folder; zeros if there are none.

        Raises:
            WeightsError: the file exists but cannot be read.
        """
        path = folder / SIDECAR
        if not path.exists():
            return cls()
        values = read_json(path)
        try:
            line, block = (_numbers(values, kind) for kind in _KINDS)
            return cls(line, block, CheckpointConfig(path, values).number("gaps"))
        except ValueError as error:
            raise WeightsError(f"{path}: the measurements cannot be read ({error}); measure again") from error

    def write(self, folder: Path) -> Path:
        """Write the offsets next to the checkpoint, and return the file.

        Raises:
            WeightsError: the folder cannot be written to.
        """
        path = folder / SIDECAR
        values = {"line": self.line, "block": self.block, "gaps": self.gaps}
        try:
            path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise WeightsError(f"{path}: cannot be written ({error.strerror})") from error
        return path


def _numbers(values: Mapping[str, Json], kind: str) -> dict[int, float]:
    offs = values.get(kind)
    if not isinstance(offs, dict) or not all(isinstance(it, int | float) for it in offs.values()):
        raise ValueError(f"{kind} is {offs!r}")
    return {int(masks): float(str(off)) for masks, off in offs.items()}


@dataclass(frozen=True, slots=True)
class Tried:
    """One length of one gap: its probability per token, and its fill's similarity to the original text (0 to 1)."""

    masks: int
    per_token: float
    similarity: float


def fitted(gaps: Sequence[Sequence[Tried]]) -> dict[int, float]:
    """Return the offsets with which the chosen fills are most similar to the original text.

    Every combination on a grid is tried; the shortest length's offset is zero, because only differences count, and
    among equally good ones the smallest are taken.
    """
    masks = sorted({it.masks for gap in gaps for it in gap})
    steps = range(-round(_REACH / _STEP), round(_REACH / _STEP) + 1)
    grid = [0.0, *(it * _STEP for it in sorted(steps, key=abs) if it)]
    tried = (dict(zip(masks, (0.0, *offs), strict=True)) for offs in product(grid, repeat=max(len(masks) - 1, 0)))
    return {
        length: round(off, 2)
        for length, off in max(tried, key=lambda it: (chosen(gaps, it), -sum(map(abs, it.values())))).items()
    }


def chosen(gaps: Iterable[Sequence[Tried]], offsets: Mapping[int, float]) -> float:
    """Return the mean similarity of the fills that these offsets choose."""
    offs = Offsets(line=offsets)
    found = [max(gap, key=lambda it: offs.rank(it.per_token, it.masks, block=False)).similarity for gap in gaps]
    return sum(found) / len(found) if found else 0.0
