"""Tells the unmask policy `structure` which ids of a vocabulary are structural."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.denoising.policies import Policies
from infill_model.denoising.unmask import Structure
from infill_model.vocabulary import Vocabulary


def structure_of(policies: Policies, vocabulary: Vocabulary, ids: int, device: torch.device) -> Tensor | None:
    """Return (V,) bool, the structural ids; None if the unmask policy does not tell them apart.

    Args:
        policies: of the loop.
        vocabulary: that gives the ids their text.
        ids: the number of ids that the network predicts; those without text are not structural.
        device: of the result.
    """
    if not isinstance(policies.unmask, Structure):
        return None
    table = _table(vocabulary).to(device)
    return F.pad(table, (0, max(0, ids - len(table))))


@cache
def _table(vocabulary: Vocabulary) -> Tensor:
    return torch.tensor([vocabulary.is_structural(i) for i in range(vocabulary.size)])
