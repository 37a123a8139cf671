import torch

from infill_model.denoising.noise import Noise, Purpose

CPU = torch.device("cpu")


def test_numbers_depend_on_seed_step_and_purpose_alone() -> None:
    pair = Noise((7, 8), 20, CPU).uniform(3, Purpose.REMASK)
    assert torch.equal(pair[1], Noise((8,), 20, CPU).uniform(3, Purpose.REMASK)[0])
    assert not torch.equal(pair[0], pair[1])
    assert not torch.equal(pair, Noise((7, 8), 20, CPU).uniform(4, Purpose.REMASK))
    assert not torch.equal(pair, Noise((7, 8), 20, CPU).uniform(3, Purpose.UNMASK))


def test_a_wider_row_begins_with_the_numbers_of_a_narrower_one() -> None:
    wide = Noise((7,), 64, CPU).uniform(1, Purpose.SAMPLE)
    for width in (1, 5, 16, 33):
        assert torch.equal(wide[:, :width], Noise((7,), width, CPU).uniform(1, Purpose.SAMPLE))


def test_neighbouring_seeds_are_not_alike() -> None:
    numbers = Noise(tuple(range(200)), 50, CPU).uniform(1, Purpose.SAMPLE)
    assert abs(numbers.mean().item() - 0.5) < 0.01
    assert torch.corrcoef(numbers[:, :2].T)[0, 1].abs() < 0.2
    assert torch.corrcoef(torch.stack([numbers[:-1, 0], numbers[1:, 0]]))[0, 1].abs() < 0.2
