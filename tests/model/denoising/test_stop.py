import torch
from worked import step_of

from infill_model.denoising.draft import Draft
from infill_model.denoising.stop import Complete, Limits, Stable
from infill_model.vocabulary import MASK


def test_complete_never_ends_a_row_early() -> None:
    assert Complete()(step_of([[0.99, 0.99]]), torch.tensor([9])) is None


def test_stable_asks_for_stillness_and_low_entropy() -> None:
    # The mean entropies are (0.056 + 0.056) / 2 = 0.056 and (0.056 + 0.693) / 2 = 0.375 nats.
    step = step_of([[0.99, 0.99], [0.99, 0.5]])
    assert Stable(2, 0.1)(step, torch.tensor([2, 2])).tolist() == [[True], [False]]
    assert Stable(2, 0.4)(step, torch.tensor([2, 2])).tolist() == [[True], [True]]
    assert Stable(2, 0.4)(step, torch.tensor([1, 3])).tolist() == [[False], [True]]


def test_stable_looks_only_at_masks() -> None:
    step = step_of([[0.99, 0.5]], [[MASK, 33]])
    assert Stable(1, 0.1)(step, torch.tensor([1])).tolist() == [[True]]


def draft_after(steps: int) -> Draft:
    return step_of([[0.5]], number=steps + 1).draft


def test_the_last_step_is_the_one_that_uses_up_the_steps() -> None:
    limits = Limits(steps=3)
    assert [limits.reached(draft_after(n)) for n in range(4)] == [None, None, "steps", "steps"]
    assert [limits.left(draft_after(n)) for n in range(4)] == [3, 2, 1, 1]


def test_the_deadline_is_read_on_the_clock() -> None:
    assert Limits(steps=9, deadline=5.0, clock=lambda: 4.9).reached(draft_after(0)) is None
    assert Limits(steps=9, deadline=5.0, clock=lambda: 5.0).reached(draft_after(0)) == "deadline"
