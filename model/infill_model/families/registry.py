"""All families, and the choice of a checkpoint's family."""

from importlib import import_module
from typing import Final

from infill_model.errors import WeightsError
from infill_model.families import (
    diffusion_gemma,
    dream,
    dreamon,
    fast_dllm_v2,
    illada,
    llada,
    llada2,
    open_dcoder,
    sdar,
    stable_diffcoder,
)
from infill_model.families.family import Family
from infill_model.files.checkpoint import Checkpoint


def _research() -> tuple[Family, ...]:
    """Return the families not meant for editors; imported by name, so that nothing depends on them."""
    return tuple(import_module("infill_model.families.research").FAMILIES)


FAMILIES: Final = (
    dream.FAMILY,
    dreamon.FAMILY,
    open_dcoder.FAMILY,
    llada.FAMILY,
    sdar.FAMILY,
    sdar.MIXTURE,
    fast_dllm_v2.FAMILY,
    llada2.FAMILY,
    diffusion_gemma.FAMILY,
    illada.FAMILY,
    stable_diffcoder.FAMILY,
    *_research(),
)


def family_of(checkpoint: Checkpoint) -> Family:
    """Return the family a checkpoint belongs to.

    Raises:
        WeightsError: it belongs to no known family.
    """
    for family in FAMILIES:
        if family.claims(checkpoint):
            return family
    kind, known = checkpoint.config.model_type, ", ".join(it.name for it in FAMILIES)
    code = (
        "; it would need the Python code that comes with it, which is never run" if checkpoint.config.wants_code else ""
    )
    raise WeightsError(
        f"{checkpoint.folder}: no backend supports its model_type {kind!r}{code}; "
        f"the supported ones are {known} (`infill-lsp models`)"
    )
