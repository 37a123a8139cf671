"""Unmask policies: which masks to commit in this step.

Each is a pure function of one step and gives a (B, C) bool subset of `step.masked`; it may be empty, for the loop
commits the most confident mask of a row by itself, unless the policy may wait. What is committed is the prediction's
token. They know nothing of networks, text, or how the step is carried out.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from infill_model.denoising.draft import PolicyStep, lowest
from infill_model.denoising.noise import Purpose
from infill_model.vocabulary import DEL


class UnmaskPolicy(Protocol):
    """Chooses which masks are committed."""

    may_wait: ClassVar[bool]
    """Whether a step in which it chooses none may pass; else the loop commits the most confident mask."""

    def __call__(self, step: PolicyStep) -> Tensor:
        """(B, C) bool: a subset of `step.masked`."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Commit every token at least as probable as the threshold.

    Fast-dLLM's confidence-aware parallel decoding (arXiv 2505.22618, algorithm 1; NVlabs/Fast-dLLM). Surplus masks have
    a threshold of their own: they are most of a canvas that starts long, and where a fill ends is one choice, which all
    of them make together, so committing them at once does not risk tokens that contradict one another.
    """

    may_wait: ClassVar[bool] = False
    threshold: float = 0.9
    surplus: float = 0.9

    def __post_init__(self) -> None:
        for value in (self.threshold, self.surplus):
            if not 0 < value <= 1:
                raise ValueError(f"the threshold is a probability, above 0 and at most 1, not {value}")

    def __call__(self, step: PolicyStep) -> Tensor:
        """Positions whose confidence reaches the threshold that is set for what they would become."""
        needed = torch.where(step.prediction.token == DEL, self.surplus, self.threshold)
        return step.masked & (step.prediction.confidence >= needed)


@dataclass(frozen=True, slots=True)
class Factor:
    """Commit the n most confident tokens, n the largest with (n + 1)(1 - c_n) <= factor.

    c_n is the n-th highest confidence: the more tokens at once, the surer the least sure of them must be.
    Fast-dLLM's factor-based decoding (arXiv 2505.22618, theorem 1; `get_transfer_index_dynamic` in NVlabs/Fast-dLLM).
    """

    may_wait: ClassVar[bool] = False
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not self.factor > 0:
            raise ValueError(f"the factor must be above 0, not {self.factor}")

    def __call__(self, step: PolicyStep) -> Tensor:
        """The longest run of most confident positions that the factor allows."""
        confidence, order = step.prediction.confidence.masked_fill(~step.masked, -1).sort(
            dim=1, descending=True, stable=True
        )
        size = torch.arange(2, confidence.shape[1] + 2, device=confidence.device)
        return torch.zeros_like(step.masked).scatter(1, order, size * (1 - confidence) <= self.factor) & step.masked


@dataclass(frozen=True, slots=True)
class EntropyBound:
    """Commit the k tokens of least entropy, k the largest with H_1 + ... + H_k - max(H_1 ... H_k) <= bound.

    The left side bounds the mutual information that committing them independently throws away. EB-Sampler
    (Ben-Hamu et al., arXiv 2505.24857); the rule of DiffusionGemma in transformers, whose bound is 0.1 nats.
    """

    may_wait: ClassVar[bool] = False
    bound: float = 0.1

    def __post_init__(self) -> None:
        if not self.bound >= 0:
            raise ValueError(f"the entropy bound is in nats and at least 0, not {self.bound}")

    def __call__(self, step: PolicyStep) -> Tensor:
        """Positions of least entropy within the bound; the first of them always."""
        entropy, order = step.prediction.entropy.masked_fill(~step.masked, math.inf).sort(dim=1, stable=True)
        # Sorted upwards, the greatest of the first k is the k-th. Past the masks inf - inf is nan, which is no.
        chosen = entropy.cumsum(1) - entropy <= self.bound
        return torch.zeros_like(step.masked).scatter(1, order, chosen) & step.masked


class Schedule(Enum):
    """How many masks are left after each step of a fixed number of steps."""

    LINEAR = "linear"
    COSINE = "cosine"

    @classmethod
    def _missing_(cls, value: object) -> "Schedule":
        raise ValueError(f"the schedule is linear or cosine, not {value}")

    def commits(self, step: PolicyStep) -> Tensor:
        """(B, 1) int64: how many masks to commit now."""
        masked = step.masked.sum(1, keepdim=True)
        if self is Schedule.LINEAR:
            return -(-masked // step.left)
        hole = (~step.draft.canvas.pinned).sum(1, keepdim=True)
        remain = math.cos(math.pi / 2 * step.number / (step.draft.step + step.left))
        return masked - (hole * remain).floor().long()


@dataclass(frozen=True, slots=True)
class TopK:
    """Commit the most confident tokens, as many as a schedule over all steps asks for.

    Linear: the masks left are spread evenly over the steps left, as `get_num_transfer_tokens` does in LLaDA (arXiv
    2502.09992, low-confidence remasking; ML-GSAI/LLaDA). Cosine: floor(n cos(pi/2 s/S)) of n masks are left after step
    s of S, few commits first and many last, as in MaskGIT (arXiv 2202.04200). Tokens remasked in between are made up.
    """

    may_wait: ClassVar[bool] = False
    schedule: Schedule = Schedule.LINEAR

    def __call__(self, step: PolicyStep) -> Tensor:
        """The most confident positions, as many as the schedule asks for."""
        return lowest(-step.prediction.confidence, step.masked, self.schedule.commits(step))


@dataclass(frozen=True, slots=True)
class RandomOrder:
    """Commit masks in random order, as many as the linear schedule asks for.

    The ancestral sampler of masked diffusion (MDLM, arXiv 2406.07524) with its expected counts; here the control that
    the other policies are measured against.
    """

    may_wait: ClassVar[bool] = False

    def __call__(self, step: PolicyStep) -> Tensor:
        """Random positions."""
        score = step.noise.uniform(step.number, Purpose.UNMASK)
        return lowest(score, step.masked, Schedule.LINEAR.commits(step))
