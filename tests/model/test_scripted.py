import pytest
import torch
from whole import whole_logits, whole_shadows

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.scripted import Script, ScriptedDenoiser, WrongGuess
from infill_model.vocabulary import DEL, MASK

TARGET = (20, 21, 22)


def canvas(*rows: list[int]) -> Canvas:
    return Canvas.of([[Piece(row, False)] for row in rows])


def probabilities(denoiser: ScriptedDenoiser, ids: list[int]) -> torch.Tensor:
    return whole_logits(denoiser, denoiser.encode([[0]]), canvas(ids))[0].exp()


def test_each_neighbour_that_shows_its_target_halves_the_doubt() -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, (0.6, 0.6, 0.6))])
    assert probabilities(denoiser, [MASK, MASK, MASK])[1, 21] == pytest.approx(0.6)
    assert probabilities(denoiser, [20, MASK, MASK])[1, 21] == pytest.approx(0.8)
    assert probabilities(denoiser, [20, MASK, 22])[1, 21] == pytest.approx(0.9)
    assert probabilities(denoiser, [20, MASK, 33])[1, 21] == pytest.approx(0.8)


def test_probabilities_sum_to_one() -> None:
    denoiser = ScriptedDenoiser([Script((20, DEL), (0.6, 0.7))], copies=0.9)
    for ids in ([MASK, MASK], [20, MASK], [33, DEL]):
        assert probabilities(denoiser, ids).sum(1).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


def test_a_wrong_guess_lasts_until_the_position_it_waits_for_shows_its_target() -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, (0.6, 0.6, 0.6), {1: WrongGuess(30, until=2)})])
    assert probabilities(denoiser, [MASK, MASK, MASK])[1].argmax() == 30
    assert probabilities(denoiser, [20, MASK, 33])[1].argmax() == 30
    assert probabilities(denoiser, [MASK, MASK, 22])[1].argmax() == 21


def test_a_copying_denoiser_repeats_what_it_sees_and_its_shadow_does_not() -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, (0.6, 0.6, 0.6))], copies=0.99)
    plain, shadow = whole_shadows(denoiser, denoiser.encode([[0]]), canvas([33, 21, MASK]))
    assert plain[0].argmax(1).tolist() == [33, 21, 22]
    assert shadow[0].argmax(1).tolist() == [20, 21, 22]
    assert shadow[0, 0, 20].exp() == pytest.approx(0.8)


def test_contexts_choose_scripts_and_what_is_beyond_a_script_is_deleted() -> None:
    denoiser = ScriptedDenoiser([Script((20,), (0.6,)), Script((25, 26), (0.6, 0.6))])
    context = denoiser.encode([[1], [0]])
    assert context.batch == 2
    logits = whole_logits(denoiser, context, canvas([MASK, MASK], [MASK, MASK]))
    assert logits.argmax(2).tolist() == [[25, 26], [20, DEL]]
    assert denoiser.forwards == 1
