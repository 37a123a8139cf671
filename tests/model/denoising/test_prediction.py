import math

import pytest
import torch
from torch.distributions import Categorical

from infill_model.denoising.noise import Noise
from infill_model.denoising.prediction import Prediction, Sampler, Sampling
from infill_model.vocabulary import DEL, MASK, RESERVED


def random_logits(batch: int, width: int, vocabulary: int) -> torch.Tensor:
    return torch.randn(batch, width, vocabulary, generator=torch.Generator().manual_seed(1)) * 3


def allowed(logits: torch.Tensor) -> torch.Tensor:
    """Return the probabilities computed plainly: reserved ids off, then softmax."""
    logits = logits.clone()
    logits[..., [i for i in range(RESERVED) if i != DEL]] = -math.inf
    return logits.softmax(-1)


def predicted(logits: torch.Tensor, where: torch.Tensor, sampler: Sampler | None = None) -> Prediction:
    return Prediction.of(logits[where], where, sampler)


@pytest.mark.parametrize("vocabulary", [8192, 50], ids=["in blocks", "not a multiple of the block"])
def test_it_equals_softmax_argmax_and_entropy(vocabulary: int) -> None:
    logits = random_logits(3, 5, vocabulary)
    probabilities = allowed(logits)
    prediction = predicted(logits, torch.ones(3, 5, dtype=torch.bool))
    assert torch.equal(prediction.token, probabilities.argmax(-1))
    torch.testing.assert_close(prediction.confidence, probabilities.amax(-1))
    exact = Categorical(probs=probabilities.double()).entropy().float()
    torch.testing.assert_close(prediction.entropy, exact, rtol=1e-5, atol=1e-5)
    ids = torch.randint(RESERVED, vocabulary, (3, 5))
    torch.testing.assert_close(prediction.probability_of(ids), probabilities.gather(2, ids.unsqueeze(2)).squeeze(2))


def test_the_first_of_equals_is_taken_whatever_the_vocabulary() -> None:
    for vocabulary in (128, 100):
        logits = torch.zeros(1, 1, vocabulary)
        logits[0, 0, [70, 90]] = 1.0
        assert predicted(logits, torch.ones(1, 1, dtype=torch.bool)).token.item() == 70


def test_reserved_ids_are_never_predicted_but_deletion_is() -> None:
    logits = torch.zeros(1, 2, 128)
    logits[0, 0, MASK] = 9.0
    logits[0, 0, RESERVED - 1] = 8.0
    logits[0, 0, 77] = 1.0
    logits[0, 1, DEL] = 5.0
    prediction = predicted(logits, torch.ones(1, 2, dtype=torch.bool))
    assert prediction.token.tolist() == [[77, DEL]]
    assert prediction.probability_of(torch.full((1, 2), MASK)).tolist() == [[0.0, 0.0]]


def test_only_the_asked_positions_are_predicted() -> None:
    logits = random_logits(2, 3, 64)
    where = torch.tensor([[True, False, True], [False, False, True]])
    prediction = predicted(logits, where)
    assert torch.equal(prediction.confidence > 0, where)
    assert torch.equal(prediction.entropy > 0, where)


def test_two_equally_likely_tokens_have_an_entropy_of_log_2() -> None:
    logits = torch.full((1, 1, 32), -math.inf)
    logits[0, 0, [20, 30]] = 0.0
    prediction = predicted(logits, torch.ones(1, 1, dtype=torch.bool))
    assert prediction.confidence.item() == pytest.approx(0.5)
    assert prediction.entropy.item() == pytest.approx(math.log(2))


WIDTH = 4000


def sampled(probabilities: list[float], temperature: float, top_p: float, seed: int = 3) -> Prediction:
    """Return predictions for thousands of positions with the same probabilities for the ids from 20 on."""
    logits = torch.full((1, WIDTH, 64), -math.inf)
    logits[..., 20 : 20 + len(probabilities)] = torch.tensor(probabilities).log()
    noise = Noise((seed,), WIDTH, torch.device("cpu"))
    sampler = Sampling((temperature,), (seed,), top_p).sampler(noise, 1)
    return predicted(logits, torch.ones(1, WIDTH, dtype=torch.bool), sampler)


def shares(prediction: Prediction, count: int) -> list[float]:
    return [(prediction.token == 20 + i).float().mean().item() for i in range(count)]


def test_sampling_follows_the_probabilities() -> None:
    prediction = sampled([0.5, 0.3, 0.2], temperature=1.0, top_p=1.0)
    assert shares(prediction, 3) == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    # The confidence is the sampled token's own probability, for any token.
    assert prediction.confidence[prediction.token == 22].tolist() == pytest.approx(
        [0.2] * (prediction.token == 22).sum()
    )


def test_a_low_temperature_sharpens() -> None:
    # At temperature 1/2 probabilities are squared: 0.25, 0.09, 0.04 of 0.38.
    prediction = sampled([0.5, 0.3, 0.2], temperature=0.5, top_p=1.0)
    assert shares(prediction, 3) == pytest.approx([0.658, 0.237, 0.105], abs=0.03)


def test_the_nucleus_leaves_the_tail_out() -> None:
    # 0.5 is less than 0.7, with 0.3 it is enough; the two share the remainder as 5 to 3.
    prediction = sampled([0.5, 0.3, 0.2], temperature=1.0, top_p=0.7)
    assert shares(prediction, 3) == pytest.approx([0.625, 0.375, 0.0], abs=0.03)


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others() -> None:
    first, same, other = (sampled([0.5, 0.5], temperature=1.0, top_p=1.0, seed=s).token for s in (3, 3, 4))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_row_is_sampled_the_same_alone_and_beside_a_greedy_one() -> None:
    logits = random_logits(2, 9, 128)
    everywhere = torch.ones(2, 9, dtype=torch.bool)

    def tokens(rows: slice, temperatures: tuple[float, ...], seeds: tuple[int, ...]) -> torch.Tensor:
        noise = Noise(seeds, 9, torch.device("cpu"))
        sampler = Sampling(temperatures, seeds).sampler(noise, 1)
        return predicted(logits[rows], everywhere[rows], sampler).token

    both = tokens(slice(0, 2), (0.0, 2.0), (5, 6))
    assert torch.equal(both[:1], tokens(slice(0, 1), (0.0,), (5,)))
    assert torch.equal(both[1:], tokens(slice(1, 2), (2.0,), (6,)))
    assert torch.equal(both[0], allowed(logits)[0].argmax(-1))
    assert not torch.equal(both[1], allowed(logits)[1].argmax(-1))
