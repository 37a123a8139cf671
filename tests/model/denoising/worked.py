"""One step of a small canvas with hand-chosen probabilities, for the policies' tests."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.draft import Draft, PolicyStep
from infill_model.denoising.noise import Noise
from infill_model.denoising.prediction import Prediction
from infill_model.vocabulary import MASK

VOCABULARY = 64
GUESS = 20
"""The denoiser's prediction at every position."""
OTHER = 40
"""The denoiser's second choice."""


def logits_of(confidence: Sequence[Sequence[float]], guess: int = GUESS) -> Tensor:
    """Return logits (B, C, V): `guess` has the probability given for each position, and `OTHER` has the rest."""
    chance = torch.tensor(confidence).double()
    logits = torch.full((*chance.shape, VOCABULARY), -math.inf, dtype=torch.float64)
    logits[..., guess] = chance.log()
    logits[..., OTHER] = (1 - chance).log()
    return logits.float()


def step_of(
    confidence: Sequence[Sequence[float]],
    ids: Sequence[Sequence[int]] | None = None,
    *,
    pinned: Sequence[Sequence[int]] = (),
    number: int = 1,
    left: int = 8,
    shadow: Sequence[Sequence[float]] | None = None,
    committed_with: Sequence[Sequence[float]] | None = None,
    unmasked_before: Sequence[Sequence[int]] | None = None,
    revisions: Sequence[int] | None = None,
) -> PolicyStep:
    """Return step `number` of a batch: everything is masked unless `ids` says otherwise.

    `confidence` is the denoiser's current confidence at each position, `committed_with` that of the committed tokens,
    `unmasked_before` the positions committed by the previous step.
    """
    rows = [list(row) for row in ids] if ids else [[MASK] * len(row) for row in confidence]
    fixed = [list(row) for row in pinned] if pinned else [[] for _ in rows]
    canvas = Canvas.of([[Piece([i], c in fixed[r]) for c, i in enumerate(row)] for r, row in enumerate(rows)])
    draft = Draft.start(canvas)
    values = {name: getattr(draft, name) for name in Draft.__slots__}
    values["step"] = number - 1
    if committed_with is not None:
        values["confidence"] = torch.tensor(committed_with)
    if unmasked_before is not None:
        values["unmasked"] = torch.tensor(unmasked_before).bool()
    if revisions is not None:
        values["revisions"] = torch.tensor(revisions)
    draft = Draft(**values)
    shadowed = None if shadow is None else Prediction.of(logits_of(shadow)[canvas.committed], canvas.committed)
    return PolicyStep(
        draft=draft,
        masked=canvas.masked,
        prediction=Prediction.of(logits_of(confidence)[~canvas.pinned], ~canvas.pinned),
        shadow=shadowed,
        left=left,
        noise=Noise((0,) * len(rows), len(rows[0]), torch.device("cpu")),
    )


def where(mask: Tensor) -> list[list[int]]:
    """Return the true positions of each row."""
    return [row.nonzero().flatten().tolist() for row in mask]
