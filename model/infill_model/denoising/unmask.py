"""Unmask policies: which masks to commit in this step.

Each is a pure function of one step and returns a (B, C) bool subset of `step.masked`. The subset may be empty, because
the loop itself commits the most confident mask of a row, unless the policy may wait. The predicted token is committed.
Must not depend on networks, text, or how the step is carried out.
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
    """Whether a step may commit nothing; otherwise the loop commits the most confident mask."""

    def __call__(self, step: PolicyStep) -> Tensor:
        """Return (B, C) bool: a subset of `step.masked`."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Commit every token at least as probable as the threshold.

    Fast-dLLM's confidence-aware parallel decoding (arXiv 2505.22618, algorithm 1; NVlabs/Fast-dLLM). Surplus masks have
    a threshold of their own: they are most of a canvas that starts long, and where a fill ends is one choice that all
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
        """Return the positions whose confidence reaches the threshold for their predicted token."""
        needed = torch.where(step.prediction.token == DEL, self.surplus, self.threshold)
        return step.masked & (step.prediction.confidence >= needed)


@dataclass(frozen=True, slots=True)
class Factor:
    """Commit the n most confident tokens, where n is the largest with (n + 1)(1 - c_n) <= factor.

    c_n is the n-th highest confidence: the more tokens at once, the more confident the least confident of them must be.
    Fast-dLLM's factor-based decoding (arXiv 2505.22618, theorem 1; `get_transfer_index_dynamic` in NVlabs/Fast-dLLM).
    """

    may_wait: ClassVar[bool] = False
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not self.factor > 0:
            raise ValueError(f"the factor must be above 0, not {self.factor}")

    def __call__(self, step: PolicyStep) -> Tensor:
        """Return the longest run of most confident positions that the factor allows."""
        confidence, order = step.prediction.confidence.masked_fill(~step.masked, -1).sort(
            dim=1, descending=True, stable=True
        )
        size = torch.arange(2, confidence.shape[1] + 2, device=confidence.device)
        return torch.zeros_like(step.masked).scatter(1, order, size * (1 - confidence) <= self.factor) & step.masked


@dataclass(frozen=True, slots=True)
class EntropyBound:
    """Commit the k tokens of least entropy, where k is the largest with H_1 + ... + H_k - max(H_1 ... H_k) <= bound.

    The left side bounds the mutual information that is lost by committing them independently. EB-Sampler
    (Ben-Hamu et al., arXiv 2505.24857); the rule of DiffusionGemma in transformers, whose bound is 0.1 nats.
    """

    may_wait: ClassVar[bool] = False
    bound: float = 0.1

    def __post_init__(self) -> None:
        if not self.bound >= 0:
            raise ValueError(f"the entropy bound is in nats and at least 0, not {self.bound}")

    def __call__(self, step: PolicyStep) -> Tensor:
        """Return the positions of least entropy within the bound; always at least the first."""
        entropy, order = step.prediction.entropy.masked_fill(~step.masked, math.inf).sort(dim=1, stable=True)
        # In ascending order the greatest of the first k is the k-th. Past the masks inf - inf is nan: false.
        chosen = entropy.cumsum(1) - entropy <= self.bound
        return torch.zeros_like(step.masked).scatter(1, order, chosen) & step.masked


@dataclass(frozen=True, slots=True)
class Structure:
    """Commit from coarse to fine: first the tokens that give the fill its shape, then the names and values.

    As long as a row has masks whose predicted token is structural (a bracket, an operator, a keyword, a line break, a
    surplus mask) with at least the probability `coarse`, all of these are committed and nothing else is; after that,
    the other tokens are committed from the probability `fine` on, as `Threshold` does. The adaptive order that Gemini
    Diffusion is described with; its authors published no algorithm, so the rule is this project's.
    """

    may_wait: ClassVar[bool] = False
    coarse: float = 0.5
    fine: float = 0.9

    def __post_init__(self) -> None:
        for value in (self.coarse, self.fine):
            if not 0 < value <= 1:
                raise ValueError(f"the threshold is a probability, above 0 and at most 1, not {value}")

    def __call__(self, step: PolicyStep) -> Tensor:
        """Return the structural positions that are probable enough; in rows without any, the other ones."""
        if step.structure is None:
            raise TypeError("the structure policy needs to know which tokens are structural")
        structural = step.structure[step.prediction.token]
        coarse = step.masked & structural & (step.prediction.confidence >= self.coarse)
        fine = step.masked & (step.prediction.confidence >= self.fine)
        return torch.where(coarse.any(1, keepdim=True), coarse, fine)


class Schedule(Enum):
    """The number of masks left after each step of a fixed number of steps."""

    LINEAR = "linear"
    COSINE = "cosine"

    @classmethod
    def _missing_(cls, value: object) -> "Schedule":
        raise ValueError(f"the schedule is linear or cosine, not {value}")

    def commits(self, step: PolicyStep) -> Tensor:
        """Return (B, 1) int64: how many masks to commit now."""
        masked = step.masked.sum(1, keepdim=True)
        if self is Schedule.LINEAR:
            return -(-masked // step.left)
        hole = (~step.draft.canvas.pinned).sum(1, keepdim=True)
        remain = math.cos(math.pi / 2 * step.number / (step.draft.step + step.left))
        return masked - (hole * remain).floor().long()


@dataclass(frozen=True, slots=True)
class TopK:
    """Commit the most confident tokens, as many as a schedule over all steps requires.

    Linear: the masks left are spread evenly over the steps left, as `get_num_transfer_tokens` does in LLaDA (arXiv
    2502.09992, low-confidence remasking; ML-GSAI/LLaDA). Cosine: floor(n cos(pi/2 s/S)) of n masks are left after step
    s of S, few commits first and many last, as in MaskGIT (arXiv 2202.04200). Remasked tokens are made up for.
    """

    may_wait: ClassVar[bool] = False
    schedule: Schedule = Schedule.LINEAR

    def __call__(self, step: PolicyStep) -> Tensor:
        """Return the most confident positions, as many as the schedule requires."""
        return lowest(-step.prediction.confidence, step.masked, self.schedule.commits(step))


@dataclass(frozen=True, slots=True)
class RandomOrder:
    """Commit masks in random order, as many as the linear schedule requires.

    The ancestral sampler of masked diffusion (MDLM, arXiv 2406.07524) with its expected counts; here the baseline that
    the other policies are measured against.
    """

    may_wait: ClassVar[bool] = False

    def __call__(self, step: PolicyStep) -> Tensor:
        """Return random positions."""
        score = step.noise.uniform(step.number, Purpose.UNMASK)
        return lowest(score, step.masked, Schedule.LINEAR.commits(step))
