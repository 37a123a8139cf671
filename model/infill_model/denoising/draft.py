"""The values exchanged by the loop and its policies: the draft, and one step as the policies see it.

Values only; the policies interpret them, and the loop carries out the changes.

Shapes: B fills, C canvas positions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.noise import Noise
from infill_model.denoising.prediction import Prediction
from infill_model.request import StopReason


@dataclass(frozen=True, slots=True)
class Draft:
    """The canvases after a step, and what the step did. Each step is one forward pass of the denoiser.

    Attributes:
        canvas: the canvases as they now stand.
        confidence: (B, C) float32; the probability each token had when it was written. Pinned 1, masked 0.
        committed_at: (B, C) int64; the step in which each token was written, 0 for those of a starting draft.
            Pinned and masked -1.
        step: how many steps were taken. A row that ended earlier has been left alone since.
        stopped: why each row ended; None while it continues.
        steps: how many steps each row took.
        guess: (B, C) int64; the canvas as it would be if every mask were committed with this step's prediction.
        unchanged: (B,) int64; for how many steps the guess has stayed the same.
        revisions: (B,) int64; in how many steps committed tokens were remasked or overwritten.
        unmasked: (B, C) bool; masks that this step committed.
        remasked: (B, C) bool; tokens that this step remasked.
        overwritten: (B, C) bool; tokens that this step replaced.
    """

    canvas: Canvas
    confidence: Tensor
    committed_at: Tensor
    step: int
    stopped: tuple[StopReason | None, ...]
    steps: tuple[int, ...]
    guess: Tensor
    unchanged: Tensor
    revisions: Tensor
    unmasked: Tensor
    remasked: Tensor
    overwritten: Tensor

    @classmethod
    def start(cls, canvas: Canvas) -> "Draft":
        """Return the draft before the first step. Tokens of a starting draft get their confidence in the first step."""
        batch = len(canvas.ids)
        nowhere = torch.zeros_like(canvas.pinned)
        none = canvas.ids.new_zeros(batch)
        return cls(
            canvas=canvas,
            confidence=canvas.pinned.float(),
            committed_at=canvas.committed.long() - 1,
            step=0,
            stopped=tuple("complete" if full else None for full in canvas.pinned.all(1).tolist()),
            steps=(0,) * batch,
            guess=canvas.ids,
            unchanged=none,
            revisions=none,
            unmasked=nowhere,
            remasked=nowhere,
            overwritten=nowhere,
        )

    @property
    def done(self) -> bool:
        """Whether every row has ended."""
        return None not in self.stopped

    def of_active(self, where: Tensor) -> Tensor:
        """Return the positions where `where` (B, C) is true, without those of rows that ended."""
        if not any(self.stopped):
            return where
        return where & torch.tensor([[reason is None] for reason in self.stopped], device=where.device)


@dataclass(frozen=True, slots=True)
class PolicyStep:
    """One step as the policies see it: the draft before it, and the denoiser's prediction for that draft.

    Attributes:
        draft: before the step.
        masked: (B, C) bool; positions of active rows that may be committed.
        prediction: at the masked positions; at the committed ones too if a policy reads them.
        shadow: at the committed positions, each as if it alone were masked; None unless a policy reads it.
        left: how many steps are left, this one included.
        noise: random numbers for policies that need them.
        structure: (V,) bool; the ids of structural tokens; None unless a policy reads it.
    """

    draft: Draft
    masked: Tensor
    prediction: Prediction
    shadow: Prediction | None
    left: int
    noise: Noise
    structure: Tensor | None = None

    @property
    def committed(self) -> Tensor:
        """(B, C) bool: positions of active rows that may be remasked or overwritten."""
        return self.draft.of_active(self.draft.canvas.committed)

    @property
    def number(self) -> int:
        """The number of this step; the first is 1."""
        return self.draft.step + 1


def lowest(score: Tensor, among: Tensor, count: Tensor) -> Tensor:
    """Return (B, C) bool: in each row the `count` (B, 1) positions of least score (B, C) where `among` (B, C) is true.

    Of equal scores, the leftmost comes first.
    """
    order = score.masked_fill(~among, torch.inf).argsort(dim=1, stable=True)
    chosen = torch.arange(score.shape[1], device=score.device) < count
    return torch.zeros_like(among).scatter(1, order, chosen) & among
