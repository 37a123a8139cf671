"""Remask policies: which committed tokens to remask or overwrite in this step.

Each is a pure function of one step and of the masks that the unmask policy accepted in it. All of them judge the draft
as it was before the step, except `Loop`. They never touch pinned positions or rows that have ended, and none guards
against cycling forever: the loop's step limit does. Must not depend on networks or text.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from infill_model.denoising.draft import PolicyStep, lowest
from infill_model.denoising.noise import Purpose


@dataclass(frozen=True, slots=True)
class Revision:
    """The changes that a remask policy requests, (B, C) bool each. None means nowhere and costs nothing.

    Attributes:
        remask: tokens to turn back into masks.
        overwrite: tokens to replace with the predicted ones.
    """

    remask: Tensor | None = None
    overwrite: Tensor | None = None


class RemaskPolicy(Protocol):
    """Chooses which committed tokens are revised."""

    reads_committed: ClassVar[bool]
    """Whether it reads the prediction at committed positions."""
    reads_shadow: ClassVar[bool]
    """Whether it reads the shadow prediction."""
    wants_quiet: ClassVar[bool]
    """Whether a complete row continues until a step changes nothing in it."""

    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        """Return what to revise, given the masks (B, C) that are being committed."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Never revise: committed tokens stay."""

    reads_committed: ClassVar[bool] = False
    reads_shadow: ClassVar[bool] = False
    wants_quiet: ClassVar[bool] = False

    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        """Revise nothing."""
        return Revision()


@dataclass(frozen=True, slots=True)
class _Remdm:
    """The common part of the ReMDM samplers: each committed token is remasked with a probability sigma.

    Remasking Discrete Diffusion Models (Wang et al., arXiv 2503.00307, section 4.1; kuleshov-group/remdm). Their
    schedule alpha, the share of committed tokens, is here the share that the unmask policy actually reached: before the
    step (alpha_t) and after its commits (alpha_s). Hence sigma is 0 when a row is completed, and the row ends.
    """

    eta: float

    reads_committed: ClassVar[bool] = False
    reads_shadow: ClassVar[bool] = False
    wants_quiet: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta is a probability, from 0 to 1, not {self.eta}")

    def sigma(self, step: PolicyStep, most: Tensor) -> Tensor:
        """Return the probability that a token is remasked, given the greatest allowed, `most` (B, 1)."""
        raise NotImplementedError

    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        """Draw committed tokens with probability sigma."""
        committed = step.committed
        before = committed.sum(1, keepdim=True)
        masked_after = step.masked.sum(1, keepdim=True) - accepted.sum(1, keepdim=True)
        # sigma_max = min(1, (1 - alpha_s) / alpha_t); both shares are of the same hole, so its size cancels out.
        most = (masked_after / before.clamp(min=1)).clamp(max=1)
        uniform = step.noise.uniform(step.number, Purpose.REMASK)
        return Revision(remask=committed & (uniform < self.sigma(step, most)))


@dataclass(frozen=True, slots=True)
class Cap(_Remdm):
    """ReMDM-cap: sigma = min(eta, sigma_max)."""

    eta: float = 0.05

    def sigma(self, step: PolicyStep, most: Tensor) -> Tensor:
        """Return sigma (B, 1)."""
        return most.clamp(max=self.eta)


@dataclass(frozen=True, slots=True)
class Rescale(_Remdm):
    """ReMDM-rescale: sigma = eta sigma_max."""

    eta: float = 0.1

    def sigma(self, step: PolicyStep, most: Tensor) -> Tensor:
        """Return sigma (B, 1)."""
        return most * self.eta


@dataclass(frozen=True, slots=True)
class Confidence(_Remdm):
    """ReMDM-conf: sigma of each token is eta sigma_max softmax(-psi), where psi is its confidence when committed.

    The softmax runs over the committed tokens of a row, so at most one of them is remasked a step on average.
    """

    eta: float = 1.0

    def sigma(self, step: PolicyStep, most: Tensor) -> Tensor:
        """Return sigma (B, C)."""
        share = (-step.draft.confidence).masked_fill(~step.committed, -torch.inf).softmax(1)
        return most * self.eta * share  # A row without committed tokens has nan here; nan compares false.


@dataclass(frozen=True, slots=True)
class Loop:
    """ReMDM-loop: once most of the hole is committed, repeatedly remask the least confident tokens.

    The paper holds alpha constant for a window of time and remasks at random (arXiv 2503.00307, section 4.2). This is
    its authors' form for decoders that commit by confidence (guanghanwang/ReMDM-LLaDA, `llada_remdm_sample`): from
    7/8 of the hole on, for a number of rounds, the `count` least confident tokens, including those committed in the
    same step, are remasked and committed again. Then the rest is finished.
    """

    count: int = 1
    rounds: int = 8

    reads_committed: ClassVar[bool] = False
    reads_shadow: ClassVar[bool] = False
    wants_quiet: ClassVar[bool] = False
    BEGINS_AT: ClassVar[float] = 7 / 8

    def __post_init__(self) -> None:
        if self.count < 1 or self.rounds < 1:
            raise ValueError("a loop remasks at least 1 token in at least 1 round")

    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        """Return the least confident tokens of rows in the loop."""
        committed = step.committed | accepted
        size = (step.committed | step.masked).sum(1, keepdim=True)
        due = (committed.sum(1, keepdim=True) >= self.BEGINS_AT * size) & (
            step.draft.revisions.unsqueeze(1) < self.rounds
        )
        confidence = torch.where(accepted, step.prediction.confidence, step.draft.confidence)
        return Revision(remask=lowest(confidence, committed, due * self.count))


@dataclass(frozen=True, slots=True)
class Revoke:
    """WINO: remask tokens that are improbable given the rest of the draft.

    Wide-In, Narrow-Out (Hong et al., arXiv 2507.18578; Feng-Hong/WINO-DLLM, `decoding_wino`). Shadow positions in the
    same forward pass give the probability of each committed token as if it alone were masked. Those below the threshold
    are remasked, least probable first, only in a step that commits more than one token, and fewer than the previous
    step committed; so each step has more tokens than the one before, and the row ends. WINO drafts with
    `threshold:0.6` and verifies at 0.9. In the first step, only a starting draft can be revoked, and all of it may be.
    """

    threshold: float = 0.9

    reads_committed: ClassVar[bool] = False
    reads_shadow: ClassVar[bool] = True
    wants_quiet: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"the threshold is a probability, above 0 and at most 1, not {self.threshold}")

    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        """Return committed tokens whose shadow probability is below the threshold."""
        if step.shadow is None:
            raise TypeError("revoke reads the shadow prediction, and the step has none")
        probability = step.shadow.probability_of(step.draft.canvas.ids)
        doubted = step.committed & (probability < self.threshold)
        if step.draft.step == 0:
            return Revision(remask=doubted)
        many = accepted.sum(1, keepdim=True) > 1
        allowed = (step.draft.unmasked.sum(1, keepdim=True) - 1).clamp(min=0) * many
        return Revision(remask=lowest(probability, doubted, allowed))


@dataclass(frozen=True, slots=True)
class EditPolicy:
    """Overwrite committed tokens for which the denoiser now confidently predicts another token.

    The token-to-token editing of LLaDA2.1 (arXiv 2602.08676; `JointThreshold` in SGLang): a token is replaced when a
    different one is predicted in its place with at least the threshold's confidence. A complete row is revisited until
    a step changes nothing, or `rounds` steps have edited it. Only denoisers trained to overwrite wrong tokens predict
    anything but the token already there.
    """

    threshold: float = 0.9
    rounds: int = 16

    reads_committed: ClassVar[bool] = True
    reads_shadow: ClassVar[bool] = False
    wants_quiet: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"the threshold is a probability, above 0 and at most 1, not {self.threshold}")
        if self.rounds < 1:
            raise ValueError(f"edit needs at least 1 round, not {self.rounds}")

    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        """Return committed tokens that the prediction contradicts with confidence."""
        other = step.prediction.token != step.draft.canvas.ids
        sure = step.prediction.confidence >= self.threshold
        fresh = (step.draft.revisions < self.rounds).unsqueeze(1)
        return Revision(overwrite=step.committed & other & sure & fresh)
