import pytest
import torch
from worked import GUESS, step_of, where

from infill_model.denoising.draft import PolicyStep
from infill_model.denoising.noise import Purpose
from infill_model.denoising.remask import Cap, Confidence, EditPolicy, Keep, Loop, Rescale, Revision, Revoke
from infill_model.vocabulary import MASK

NONE = torch.zeros(1, 4, dtype=torch.bool)


def accepting(*positions: int, width: int = 4) -> torch.Tensor:
    mask = torch.zeros(1, width, dtype=torch.bool)
    mask[0, list(positions)] = True
    return mask


def remasked(revision: Revision) -> list[list[int]]:
    assert revision.overwrite is None
    assert revision.remask is not None
    return where(revision.remask)


def test_keep_revises_nothing() -> None:
    assert Keep()(step_of([[0.5] * 4]), NONE) == Revision()


# Four of ten are committed before the step; it commits three more, and three masks are left.
# alpha_t = 4/10, alpha_s = 7/10, so sigma_max = (1 - 0.7) / 0.4 = 3/4.
TEN = [[33] * 4 + [MASK] * 6]
MOST = torch.tensor([[0.75]])


def ten() -> PolicyStep:
    return step_of([[0.9] * 10], TEN, committed_with=[[0.9, 0.9, 0.2, 0.9] + [0.0] * 6])


@pytest.mark.parametrize(
    ("policy", "sigma"), [(Cap(0.05), 0.05), (Cap(0.8), 0.75), (Rescale(0.1), 0.075), (Rescale(1.0), 0.75)]
)
def test_cap_and_rescale_limit_sigma_as_in_the_paper(policy: Cap | Rescale, sigma: float) -> None:
    assert policy.sigma(ten(), MOST).item() == pytest.approx(sigma)


def test_conf_weighs_sigma_by_the_softmax_of_minus_confidence() -> None:
    # exp(-0.9) = 0.4066 three times and exp(-0.2) = 0.8187: of 2.0384 that is 0.1995 and 0.4016, times 3/4.
    sigma = Confidence().sigma(ten(), MOST)[0].tolist()
    assert sigma[:4] == pytest.approx([0.1496, 0.1496, 0.3012, 0.1496], abs=1e-4)
    assert sigma[4:] == [0.0] * 6


@pytest.mark.parametrize(("policy", "sigma"), [(Cap(0.8), 0.75), (Cap(0.3), 0.3), (Rescale(0.8), 0.6)])
def test_each_committed_token_is_remasked_with_probability_sigma(policy: Cap | Rescale, sigma: float) -> None:
    for number in range(1, 41):
        step = step_of([[0.9] * 10], TEN, number=number)
        chance = step.noise.uniform(number, Purpose.REMASK)[0, :4]
        expected = (chance < sigma).nonzero().flatten().tolist()
        assert remasked(policy(step, accepting(4, 5, 6, width=10))) == [expected]


def test_over_many_steps_the_share_remasked_is_sigma() -> None:
    count = 0
    for number in range(1, 301):
        step = step_of([[0.9] * 10], TEN, number=number)
        count += len(remasked(Cap(0.3)(step, accepting(4, 5, 6, width=10)))[0])
    assert count / 1200 == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("policy", [Cap(1.0), Rescale(1.0), Confidence(1.0)])
def test_remdm_takes_nothing_back_in_the_step_that_completes_a_row(policy: Cap) -> None:
    step = step_of([[0.9] * 4], [[33, 33, MASK, MASK]], committed_with=[[0.9, 0.9, 0.0, 0.0]])
    assert remasked(policy(step, accepting(2, 3))) == [[]]


@pytest.mark.parametrize("policy", [Cap(1.0), Rescale(1.0), Confidence(1.0)])
def test_remdm_spares_pinned_tokens_and_masks(policy: Cap) -> None:
    # One committed token stands before two masks that stay: sigma_max is 1, and its softmax share is 1.
    step = step_of([[0.9] * 4], [[30, 33, MASK, MASK]], pinned=[[0]], committed_with=[[1.0, 0.9, 0.0, 0.0]])
    assert remasked(policy(step, NONE)) == [[1]]


@pytest.mark.parametrize("policy", [Cap(1.0), Rescale(1.0), Confidence(1.0)])
def test_remdm_has_nothing_to_take_back_at_first(policy: Cap) -> None:
    assert remasked(policy(step_of([[0.9] * 4]), NONE)) == [[]]


def test_loop_waits_until_most_of_the_hole_is_committed() -> None:
    # 6 of 8 is less than 7/8; with the one accepted it is 7 of 8.
    ids = [[33] * 6 + [MASK] * 2]
    step = step_of([[0.9] * 8], ids, committed_with=[[0.9, 0.3, 0.9, 0.2, 0.9, 0.9, 0.0, 0.0]])
    assert remasked(Loop()(step, accepting(width=8))) == [[]]
    assert remasked(Loop()(step, accepting(6, width=8))) == [[3]]
    assert remasked(Loop(count=2)(step, accepting(6, width=8))) == [[1, 3]]


def test_loop_may_take_back_what_this_step_commits() -> None:
    step = step_of([[0.9, 0.9, 0.9, 0.6]], [[33, 33, 33, MASK]], committed_with=[[0.9, 0.8, 0.9, 0.0]])
    assert remasked(Loop()(step, accepting(3))) == [[3]]


def test_loop_ends_after_its_rounds() -> None:
    given = {"ids": [[33] * 4], "committed_with": [[0.9, 0.8, 0.9, 0.9]]}
    assert remasked(Loop(rounds=3)(step_of([[0.9] * 4], **given, revisions=[2]), NONE)) == [[1]]
    assert remasked(Loop(rounds=3)(step_of([[0.9] * 4], **given, revisions=[3]), NONE)) == [[]]


# Six committed tokens match what the denoiser would write, two masks are left.
SIX = [[GUESS] * 6 + [MASK] * 2]
SHADOW = [[0.95, 0.3, 0.2, 0.95, 0.4, 0.95, 0.5, 0.5]]
SECOND = {"number": 2, "shadow": SHADOW}


def test_revoke_takes_back_what_the_shadow_doubts() -> None:
    step = step_of([[0.9] * 8], SIX, **SECOND, unmasked_before=[[1] * 6 + [0] * 2])
    assert remasked(Revoke(0.6)(step, accepting(6, 7, width=8))) == [[1, 2, 4]]


def test_revoke_takes_back_fewer_than_the_step_before_committed_least_probable_first() -> None:
    step = step_of([[0.9] * 8], SIX, **SECOND, unmasked_before=[[1, 1, 1] + [0] * 5])
    assert remasked(Revoke(0.6)(step, accepting(6, 7, width=8))) == [[1, 2]]
    step = step_of([[0.9] * 8], SIX, **SECOND, unmasked_before=[[1] + [0] * 7])
    assert remasked(Revoke(0.6)(step, accepting(6, 7, width=8))) == [[]]


def test_revoke_takes_back_nothing_in_a_step_that_commits_one_token() -> None:
    step = step_of([[0.9] * 8], SIX, **SECOND, unmasked_before=[[1] * 6 + [0] * 2])
    assert remasked(Revoke(0.6)(step, accepting(6, width=8))) == [[]]


def test_revoke_judges_the_token_that_stands_there() -> None:
    # The shadow is sure of GUESS, and 33 stands at the second position.
    step = step_of(
        [[0.9] * 4], [[GUESS, 33, MASK, MASK]], number=2, shadow=[[0.95] * 4], unmasked_before=[[1, 1, 0, 0]]
    )
    assert remasked(Revoke(0.6)(step, accepting(2, 3))) == [[1]]


def test_revoke_may_take_back_all_of_a_starting_draft() -> None:
    step = step_of([[0.9] * 4], [[33, 33, 33, GUESS]], shadow=[[0.95] * 4])
    assert remasked(Revoke(0.6)(step, NONE)) == [[0, 1, 2]]


def test_edit_overwrites_what_the_denoiser_surely_contradicts() -> None:
    step = step_of([[0.95, 0.95, 0.85, 0.95, 0.95]], [[33, GUESS, 33, MASK, 33]], pinned=[[4]])
    revision = EditPolicy(0.9)(step, accepting(width=5))
    assert revision.remask is None
    assert where(revision.overwrite) == [[0]]


def test_edit_ends_after_its_rounds() -> None:
    assert where(EditPolicy(rounds=2)(step_of([[0.95]], [[33]], revisions=[1]), NONE).overwrite) == [[0]]
    assert where(EditPolicy(rounds=2)(step_of([[0.95]], [[33]], revisions=[2]), NONE).overwrite) == [[]]
