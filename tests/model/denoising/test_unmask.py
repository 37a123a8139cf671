import math
from dataclasses import replace

import pytest
import torch
from worked import GUESS, OTHER, step_of, where

from infill_model.denoising.draft import PolicyStep
from infill_model.denoising.unmask import EntropyBound, Factor, RandomOrder, Schedule, Structure, Threshold, TopK
from infill_model.vocabulary import DEL, MASK


def test_threshold_takes_what_reaches_it() -> None:
    step = step_of([[0.95, 0.89, 0.97, 0.6], [0.5, 0.5, 0.5, 0.5]])
    assert where(Threshold(0.9)(step)) == [[0, 2], []]


def test_threshold_leaves_committed_and_pinned_positions_alone() -> None:
    step = step_of([[0.95, 0.95, 0.95]], [[33, MASK, 30]], pinned=[[2]])
    assert where(Threshold(0.9)(step)) == [[1]]


def test_surplus_masks_have_a_threshold_of_their_own() -> None:
    step = step_of([[0.6, 0.95, 0.6, 0.7]])
    step = replace(step, prediction=replace(step.prediction, token=torch.tensor([[GUESS, GUESS, DEL, DEL]])))
    assert where(Threshold(0.9)(step)) == [[1]]
    assert where(Threshold(0.9, surplus=0.65)(step)) == [[1, 3]]


def structural_step(tokens: list[int], confidence: list[float]) -> PolicyStep:
    """Return a step in which these tokens are predicted, and `GUESS` and `DEL` are structural."""
    step = step_of([confidence])
    structure = torch.zeros(64, dtype=torch.bool)
    structure[[GUESS, DEL]] = True
    return replace(step, prediction=replace(step.prediction, token=torch.tensor([tokens])), structure=structure)


def test_structure_comes_before_names_however_sure_these_are() -> None:
    step = structural_step([GUESS, OTHER, DEL, GUESS], [0.7, 0.99, 0.8, 0.6])
    assert where(Structure(coarse=0.65)(step)) == [[0, 2]]
    assert where(Structure(coarse=0.75)(step)) == [[2]]


def test_names_follow_when_no_structural_token_is_probable() -> None:
    step = structural_step([GUESS, OTHER, OTHER], [0.6, 0.95, 0.8])
    assert where(Structure(coarse=0.65)(step)) == [[1]]
    assert where(Structure(coarse=0.65, fine=0.8)(step)) == [[1, 2]]


def test_structure_needs_to_know_what_is_structural() -> None:
    with pytest.raises(TypeError, match="structural"):
        Structure()(step_of([[0.9]]))


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        # Sorted: 0.99 at 3, 0.95 at 0, 0.9 at 1, 0.6 at 2.
        # (n + 1)(1 - c_n) is 2 x 0.01 = 0.02, 3 x 0.05 = 0.15, 4 x 0.1 = 0.4, 5 x 0.4 = 2.
        (0.01, []),
        (0.1, [3]),
        (0.2, [0, 3]),
        (1.0, [0, 1, 3]),
        (2.1, [0, 1, 2, 3]),
    ],
)
def test_factor_takes_more_tokens_the_surer_they_are(factor: float, expected: list[int]) -> None:
    assert where(Factor(factor)(step_of([[0.95, 0.9, 0.6, 0.99]]))) == [expected]


def test_factor_counts_only_masks() -> None:
    # The committed 0.99 does not count as the first: (1 + 1)(1 - 0.95) = 0.1.
    step = step_of([[0.99, 0.95, 0.9]], [[33, MASK, MASK]])
    assert where(Factor(0.11)(step)) == [[1]]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        # The entropies of 0.99, 0.95, 0.9, 0.5 are 0.056, 0.199, 0.325, 0.693; the sums before each one are
        # 0, 0.056, 0.255, 0.580, and the sum minus the greatest must stay within the bound.
        (0.0, [1]),
        (0.05, [1]),
        (0.06, [1, 3]),
        (0.26, [0, 1, 3]),
        (0.59, [0, 1, 2, 3]),
    ],
)
def test_entropy_bound_takes_what_loses_little_together(bound: float, expected: list[int]) -> None:
    assert where(EntropyBound(bound)(step_of([[0.9, 0.99, 0.5, 0.95]]))) == [expected]


def test_entropy_bound_counts_only_masks() -> None:
    step = step_of([[0.9, 0.99, 0.5, 0.95]], [[MASK, 33, MASK, MASK]])
    # Now 0.95 is first, and 0.9 after it has a sum of 0.199 before it.
    assert where(EntropyBound(0.1)(step)) == [[3]]
    assert where(EntropyBound(0.2)(step)) == [[0, 3]]


def test_the_linear_schedule_spreads_the_masks_over_the_steps() -> None:
    # 10 masks in 4 steps are 3, 3, 2, 2.
    masks, counts = 10, []
    for left in (4, 3, 2, 1):
        step = step_of([[0.9] * 10], [[MASK] * masks + [33] * (10 - masks)], left=left)
        counts.append(int(Schedule.LINEAR.commits(step)))
        masks -= counts[-1]
    assert counts == [3, 3, 2, 2]


def test_the_cosine_schedule_begins_slowly() -> None:
    # Of 10 masks, floor(10 cos(90 degrees s / 4)) are left after each step: 9, 7, 3, 0.
    masks, counts = 10, []
    for number in (1, 2, 3, 4):
        step = step_of([[0.9] * 10], [[MASK] * masks + [33] * (10 - masks)], number=number, left=5 - number)
        counts.append(int(Schedule.COSINE.commits(step)))
        masks -= counts[-1]
    assert counts == [1, 2, 4, 3]


def test_the_cosine_schedule_makes_up_for_remasked_tokens() -> None:
    # After step 2 of 4 there should be 7 masks; three more than planned stand here.
    step = step_of([[0.9] * 10], number=2, left=3)
    assert int(Schedule.COSINE.commits(step)) == 3


def test_top_k_takes_the_most_confident() -> None:
    step = step_of([[0.6, 0.9, 0.7, 0.8], [0.9, 0.8, 0.7, 0.6]], left=2)
    assert where(TopK()(step)) == [[1, 3], [0, 1]]


def test_top_k_counts_each_row_by_itself() -> None:
    step = step_of([[0.6, 0.9, 0.7, 0.8], [0.9, 0.8, 0.7, 0.6]], [[MASK] * 4, [33, 33, MASK, MASK]], left=2)
    assert where(TopK()(step)) == [[1, 3], [2]]


def test_top_k_with_the_cosine_schedule() -> None:
    # After step 1 of 2, floor(4 cos 45 degrees) = floor(2.83) = 2 masks are left.
    assert where(TopK(Schedule.COSINE)(step_of([[0.6, 0.9, 0.7, 0.8]], left=2))) == [[1, 3]]


def test_random_order_takes_as_many_as_the_linear_schedule_whatever_their_confidence() -> None:
    picked = [where(RandomOrder()(step_of([[0.6, 0.99, 0.6, 0.6]], number=n, left=2)))[0] for n in range(1, 41)]
    assert {len(positions) for positions in picked} == {2}
    often = [sum(p in positions for positions in picked) for p in range(4)]
    assert all(10 <= count <= 30 for count in often)


def test_random_order_takes_only_masks() -> None:
    step = step_of([[0.6] * 4], [[33, MASK, 33, MASK]], left=1)
    assert where(RandomOrder()(step)) == [[1, 3]]


@pytest.mark.parametrize(
    ("policy", "value"),
    [(Threshold, 0.0), (Threshold, 1.1), (Threshold, math.nan), (Factor, 0.0), (EntropyBound, -0.1)],
)
def test_impossible_parameters_are_refused(policy: type, value: float) -> None:
    with pytest.raises(ValueError, match="not"):
        policy(value)
