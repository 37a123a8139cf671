"""All families, and which of them a checkpoint belongs to."""

from typing import Final

from infill_model.backends import (
    bd3lm,
    diffusion_gemma,
    dream,
    dreamon,
    fast_dllm_v2,
    illada,
    llada,
    llada2,
    mdlm,
    open_dcoder,
    sdar,
    sedd,
    stable_diffcoder,
)
from infill_model.backends.checkpoint import Checkpoint
from infill_model.backends.family import Family
from infill_model.errors import WeightsError

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
    mdlm.FAMILY,
    bd3lm.FAMILY,
    sedd.FAMILY,
)


def family_of(checkpoint: Checkpoint) -> Family:
    """The family a checkpoint belongs to.

    Raises:
        WeightsError: none knows it.
    """
    for family in FAMILIES:
        if family.claims(checkpoint):
            return family
    kind, known = checkpoint.config.model_type, ", ".join(it.name for it in FAMILIES)
    code = (
        "; it would need the Python code that comes with it, which is never run" if checkpoint.config.wants_code else ""
    )
    raise WeightsError(
        f"{checkpoint.folder}: no backend knows its model_type {kind!r}{code}; there are {known} (`infill-lsp models`)"
    )
