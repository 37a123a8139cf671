"""Stop policies: when to end.

A stop policy may end a row before its masks are gone; `Limits` ends all rows together, by steps, time or cancellation.
Must not depend on networks or text.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from infill_model.denoising.draft import Draft, PolicyStep
from infill_model.filler import never
from infill_model.request import StopReason


class StopPolicy(Protocol):
    """Chooses the rows in which everything is committed at once."""

    reads_unchanged: ClassVar[bool]
    """Whether it reads how long the guess has stayed the same; otherwise this is not counted."""

    def __call__(self, step: PolicyStep, unchanged: Tensor) -> Tensor | None:
        """Return (B, 1) bool, or None for no row. `unchanged` (B,): steps the guess has stayed, this one included."""


@dataclass(frozen=True, slots=True)
class Complete:
    """End only when every mask is committed."""

    reads_unchanged: ClassVar[bool] = False

    def __call__(self, step: PolicyStep, unchanged: Tensor) -> Tensor | None:
        """Choose no row."""
        return None


@dataclass(frozen=True, slots=True)
class Stable:
    """End a row once its guess stayed for `steps` steps and the masks' mean entropy is below `bound`.

    `StableAndConfidentStoppingCriteria` of DiffusionGemma in transformers, whose values are 1 step and 0.005 nats;
    there the mean runs over the whole canvas, here over the positions still masked.
    """

    steps: int = 1
    bound: float = 0.1

    reads_unchanged: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 0 or not self.bound > 0:
            raise ValueError("stable needs a number of steps, at least 0, and an entropy in nats above 0")

    def __call__(self, step: PolicyStep, unchanged: Tensor) -> Tensor | None:
        """Return the rows that are stable and confident."""
        count = step.masked.sum(1)
        mean = torch.where(step.masked, step.prediction.entropy, 0.0).sum(1) / count.clamp(min=1)
        return ((unchanged >= self.steps) & (mean < self.bound)).unsqueeze(1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that end all rows of a batch.

    Attributes:
        steps: the maximum number of steps.
        deadline: the time on `clock` after which no further step begins; None for no deadline.
        cancelled: called before each step.
        clock: in seconds.
    """

    steps: int
    deadline: float | None = None
    cancelled: Callable[[], bool] = never
    clock: Callable[[], float] = time.perf_counter

    def left(self, draft: Draft) -> int:
        """Return the number of steps that may follow `draft`; at least one."""
        return max(self.steps - draft.step, 1)

    def reached(self, draft: Draft) -> StopReason | None:
        """Return why the step after `draft`, whose forward pass is done, must be the last; None if it need not be."""
        if self.left(draft) == 1:
            return "steps"
        if self.deadline is not None and self.clock() >= self.deadline:
            return "deadline"
        return None
