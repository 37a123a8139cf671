"""Tells the unmask policy `structure` which ids of a vocabulary are structural."""

import keyword
from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.denoising.policies import Policies
from infill_model.denoising.unmask import Structure
from infill_model.vocabulary import DEL, RESERVED, Vocabulary

KEYWORDS: Final = frozenset(
    f"""
    {" ".join(keyword.kwlist)} case catch const do enum extends fn func function go impl interface let namespace new
    private protected pub public static struct switch this throw typeof use using var void where
    """.split()
)
"""Keywords of Python, and the commonest ones of other languages that are no likely names."""


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
    return torch.tensor([is_structural(vocabulary, i) for i in range(vocabulary.size)])


def is_structural(vocabulary: Vocabulary, i: int) -> bool:
    """Report whether an id gives code its shape: punctuation, white space, a keyword, or a surplus mask."""
    word = vocabulary.decode([i]).strip()
    return i == DEL or (i >= RESERVED and (word in KEYWORDS or not any(c.isalnum() or c == "_" for c in word)))
