"""SEDD's analytic step against Bayes' rule, with scores known in closed form, and against its own formula."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.draft import Draft, PolicyStep
from infill_model.denoising.loop import denoise
from infill_model.denoising.noise import Noise
from infill_model.denoising.policies import Policies
from infill_model.denoising.prediction import Prediction, Sampling
from infill_model.denoising.stop import Limits
from infill_model.families.research.dit import Dit, DitShape
from infill_model.families.research.sedd import Analytic, SeddDenoiser, time_of, total_noise
from infill_model.files.id_map import IdMap, Ids
from infill_model.transformer.transformer import KeysValues
from infill_model.vocabulary import DEL, LINE, MASK, MIDDLE, RESERVED

TOKENS = 3
JOINT = torch.tensor([[0.30, 0.02, 0.08], [0.05, 0.25, 0.05], [0.01, 0.04, 0.20]])
"""The probability of each text of two tokens: the distribution to sample."""


class Known(Dit):
    """Stands in for the network and returns the true scores of `JOINT`."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(DitShape(TOKENS + 1, 8, 1, 1, 4))
        self.factor = factor

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        seen: Tensor | None = None,
        past: Sequence[KeysValues] | None = None,
        *,
        sigma: Tensor | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """Return as states the logs of the scores times exp(sigma) - 1 and the number of tokens."""
        rows = []
        for first, second in ids.tolist():
            given_second = JOINT.sum(1) if second == TOKENS else JOINT[:, second]
            given_first = JOINT.sum(0) if first == TOKENS else JOINT[first]
            rows.append(torch.stack([given_second / given_second.sum(), given_first / given_first.sum()]))
        scores = torch.stack(rows).log() + math.log(TOKENS * self.factor)
        return torch.cat([scores, torch.zeros(*ids.shape, 1)], dim=2), []

    def logits(self, states: Tensor) -> Tensor:
        """Return the states, which are already logits."""
        return states


def denoiser(factor: float = 1.0, breaks: Sequence[int] = ()) -> SeddDenoiser:
    return SeddDenoiser(Known(factor), IdMap(Ids(mask=TOKENS)), breaks)


def step_of(canvas: Canvas, left: int, it: SeddDenoiser, context: Sequence[int] = (MIDDLE,)) -> PolicyStep:
    logits = it.logits(it.encode([context] * len(canvas.ids)), canvas, canvas.masked)
    prediction = Prediction.of(logits, canvas.masked)
    noise = Noise(tuple(range(len(canvas.ids))), canvas.ids.shape[1], canvas.ids.device)
    return PolicyStep(Draft.start(canvas), canvas.masked, prediction, None, left, noise)


def probabilities(step: PolicyStep) -> Tensor:
    """Return (N, TOKENS + 1): each mask's distribution after the step, mask last, from policy and prediction."""
    it = step.prediction
    revealed = it.mass / step.left
    tokens = it.weights[:, RESERVED : RESERVED + TOKENS] / it.total.unsqueeze(1)
    return torch.cat([tokens * revealed.unsqueeze(1), 1 - revealed.unsqueeze(1)], dim=1)


def transition(sigma: Tensor) -> Tensor:
    """Return (V, V) transition probabilities for noise sigma: the exponential of the absorbing rates."""
    rates = -torch.eye(TOKENS + 1, dtype=torch.float64)
    rates[:, TOKENS] += 1
    return torch.matrix_exp(sigma.double() * rates)


@pytest.mark.parametrize("left", [1, 2, 5, 64])
@pytest.mark.parametrize("beside", [0, 1, 2, None])
def test_the_step_is_the_exact_posterior(left: int, beside: int | None) -> None:
    """Bayes: p(now | later) is p(later | now) p(now) / p(later), given the adjacent token."""
    other = MASK if beside is None else beside + RESERVED
    canvas = Canvas.of([[Piece([MASK], pinned=False), Piece([other], pinned=beside is not None)]])
    time = float(time_of(canvas))
    sigma, earlier = (total_noise(torch.tensor(it, dtype=torch.float64)) for it in (time, time * (left - 1) / left))
    clean = torch.zeros(TOKENS + 1, dtype=torch.float64)
    clean[:TOKENS] = JOINT.sum(1) if beside is None else JOINT[:, beside] / JOINT[:, beside].sum()
    now = clean @ transition(earlier)
    posterior = now * transition(sigma - earlier)[:, TOKENS] / (clean @ transition(sigma))[TOKENS]
    assert float(posterior.sum()) == pytest.approx(1)
    ours = probabilities(step_of(canvas, left, denoiser()))[0]
    torch.testing.assert_close(ours, posterior.float(), atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.3])
def test_scores_that_are_not_exact_reveal_by_their_mass(factor: float) -> None:
    """The staggered score times the transition back (graph_lib.py), for scores of any size."""
    left = 4
    canvas = Canvas.of([[Piece([MASK, MASK], pinned=False)]])
    sigma, earlier = total_noise(torch.tensor(1.0)), total_noise(torch.tensor(0.75))
    gone = sigma - earlier
    score = torch.cat([factor * JOINT.sum(1) / torch.expm1(sigma), torch.ones(1)])
    staggered = score * gone.exp()
    staggered[TOKENS] += (1 - gone.exp()) * score.sum()
    back = torch.full((TOKENS + 1,), float(1 - (-gone).exp()))
    back[TOKENS] = 1
    ours = probabilities(step_of(canvas, left, denoiser(factor)))[0]
    torch.testing.assert_close(ours, staggered * back, atol=1e-4, rtol=1e-4)


def test_the_policy_reveals_as_often_as_that_and_all_in_the_last_step() -> None:
    canvas = Canvas.of([[Piece([MASK, MASK], pinned=False)]] * 4000)
    share = float(Analytic()(step_of(canvas, 5, denoiser())).float().mean())
    assert share == pytest.approx(0.2, abs=0.02)
    assert Analytic()(step_of(canvas, 1, denoiser(0.5))).all()


def test_what_may_not_be_written_changes_no_chance_of_being_revealed() -> None:
    canvas = Canvas.of([[Piece([MASK, MASK], pinned=False)]])
    step = step_of(canvas, 3, denoiser(breaks=[RESERVED]), (MIDDLE, LINE))
    after = probabilities(step)
    assert float(after[:, 0].sum()) == 0
    torch.testing.assert_close(after[:, TOKENS], torch.full((2,), 2 / 3))


def test_many_steps_sample_the_joint_distribution() -> None:
    """One step would sample both tokens independently; the more steps, the more rarely both are revealed at once."""
    many = 3000
    away = {}
    for steps in (1, 48):
        canvas = Canvas.of([[Piece([MASK, MASK], pinned=False)]] * many)
        it = denoiser()
        sampling = Sampling((1.0,) * many, tuple(range(many)), top_p=1.0)
        run = denoise(
            it, it.encode([[MIDDLE]] * many), canvas, Policies(unmask=Analytic()), Limits(steps), sampling=sampling
        )
        *_, last = run
        pairs = (last.canvas.ids - RESERVED).tolist()
        found = torch.zeros_like(JOINT)
        for first, second in pairs:
            found[first, second] += 1 / many
        away[steps] = float((found - JOINT).abs().sum() / 2)
    assert away[1] > 0.3
    assert away[48] < 0.04


def test_a_step_may_reveal_nothing() -> None:
    """Two masks are revealed at independent times, uniform over the steps, so the last after two thirds on average."""
    many, steps = 500, 48
    canvas = Canvas.of([[Piece([MASK, MASK], pinned=False)]] * many)
    it = denoiser()
    sampling = Sampling((0.0,) * many, tuple(range(many)))
    run = denoise(
        it, it.encode([[MIDDLE]] * many), canvas, Policies(unmask=Analytic()), Limits(steps), sampling=sampling
    )
    *_, last = run
    assert sum(last.steps) / many == pytest.approx(steps * 2 / 3, abs=1.5)


def test_the_canvas_tells_the_time() -> None:
    rows = [[Piece([MASK] * 4, pinned=False), Piece([9], pinned=True)], [Piece([MASK, 20, 21, DEL], pinned=False)]]
    assert time_of(Canvas.of(rows)).tolist() == [1.0, 0.25]
    assert float(total_noise(torch.tensor(1.0))) == pytest.approx(-math.log(1e-3), rel=1e-4)
