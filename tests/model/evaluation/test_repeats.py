"""The loss on an excerpt and on its repetition."""

import math

import pytest
import torch
import torch.nn.functional as F

from infill_model.evaluation.studies.repeats import WARM, losses_of
from infill_model.infill.infiller import Infiller
from infill_model.vocabulary import ABOVE, BELOW


@torch.no_grad()
def test_each_copy_has_its_mean_loss(infiller: Infiller) -> None:
    excerpt = infiller.vocabulary.encode("def area(shape):\n    return shape.width * shape.height\n")
    first, second = losses_of(infiller, excerpt)
    network = infiller.denoiser.network
    row = [BELOW, ABOVE, *excerpt, *excerpt]
    each = [
        float(F.cross_entropy(network.logits(network.encode(torch.tensor([row[:n]]))[0, -1]), torch.tensor(row[n])))
        for n in range(2, len(row))
    ]
    half = len(excerpt)
    assert first == pytest.approx(sum(each[:half]) / half, abs=1e-4)
    assert second == pytest.approx(sum(each[half + WARM :]) / (half - WARM), abs=1e-4)
    assert first > math.log(2)  # Random weights have learned nothing.
