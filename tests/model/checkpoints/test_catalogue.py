"""The catalogue agrees with the code and the tests about the families."""

import pytest
from parity import names, needs_parity

from infill_model.catalogue.catalogue import ENTRIES
from infill_model.families.registry import FAMILIES

UNVERIFIED = ("causal", "illada", "sdar-moe", "stable-diffcoder", "mdlm", "bd3lm", "sedd")
"""Families without fixtures of their own code."""


def test_every_entry_has_a_family_and_every_family_an_entry() -> None:
    assert {it.family for it in ENTRIES} == {it.name for it in FAMILIES} | {"causal"}


@needs_parity
@pytest.mark.parametrize("family", sorted({it.family for it in ENTRIES}))
def test_verified_means_that_there_are_fixtures_of_the_reference(family: str) -> None:
    claimed = {it.verified for it in ENTRIES if it.family == family}
    assert claimed == ({"no"} if family in UNVERIFIED else {"logits and decodes"})
    assert family in UNVERIFIED or names(family, "forward")
