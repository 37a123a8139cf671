"""The networks against the logits of the families' reference code."""

from functools import cache

import pytest
import torch
from parity import TOLERANCE, Reference, names, needs_parity
from torch import Tensor

from infill_model.transformer.sequence import _block_causal

FAMILIES = ["dream", "dreamon", "open-dcoder", "llada", "sdar", "fast-dllm-v2", "llada2"]
CASES = [(family, case) for family in FAMILIES for case in names(family, "forward")]

reference = cache(Reference.of)


def seen_by(it: Reference, case: str, ids: Tensor, start: int) -> Tensor | None:
    padding = it.array(case, "attention_mask")
    if padding is not None:
        real = padding.bool()
        pairs = real.unsqueeze(1) & real.unsqueeze(2)
        return pairs | torch.eye(ids.shape[1], dtype=torch.bool)  # A row that attends to nothing has no logits at all.
    if it.family.block is None:
        return None
    places = torch.arange(start, start + ids.shape[1])
    return _block_causal(places, start + ids.shape[1], it.family.block(it.checkpoint))


@needs_parity
@pytest.mark.parametrize(("family", "case"), CASES)
def test_logits_are_the_reference_s(family: str, case: str) -> None:
    it = reference(family)
    network = it.network()
    ids, expected = it.array(case, "input_ids"), it.array(case, "logits")
    assert ids is not None
    assert expected is not None
    start, past = 0, None
    if (prefix := it.array(case, "prefix_ids")) is not None:
        start = prefix.shape[1]
        places = torch.arange(start)
        _, past = network(prefix, places.unsqueeze(0), seen_by(it, "", prefix, 0))
    positions = it.array(case, "position_ids")
    places = torch.arange(start, start + ids.shape[1]).unsqueeze(0) if positions is None else positions
    states, _ = network(ids, places, seen_by(it, case, ids, start), past)
    wrong = (network.logits(states) - expected).abs().amax(2)
    padding = it.array(case, "attention_mask")
    if padding is not None:
        wrong = wrong[padding.bool()]
    print(f"{family} {case}: {wrong.max():.2e}")
    assert wrong.max() <= TOLERANCE


@needs_parity
@pytest.mark.parametrize("family", ["sdar", "llada2"])
def test_the_block_mask_is_the_reference_s(family: str) -> None:
    it = reference(family)
    expected = it.array("infill", "block_mask")
    assert expected is not None
    assert it.family.block is not None
    own = _block_causal(torch.arange(len(expected)), len(expected), it.family.block(it.checkpoint))
    assert own is not None
    assert torch.equal(own[0], expected)


@needs_parity
@pytest.mark.parametrize("case", ["batch_left_pad", "batch_right_pad"])
def test_llada_as_published_attends_to_its_padding(case: str) -> None:
    """Its first modelling code silently dropped the mask; hiding the padding is intended, and is what we do."""
    it = reference("llada")
    ids, expected = it.array(case, "input_ids"), it.array(case, "logits_mask_ignored")
    real = it.array(case, "attention_mask")
    assert ids is not None
    assert expected is not None
    assert real is not None
    network = it.network()
    states, _ = network(ids, torch.arange(ids.shape[1]).unsqueeze(0))
    assert (network.logits(states) - expected).abs().amax(2)[real.bool()].max() <= TOLERANCE
