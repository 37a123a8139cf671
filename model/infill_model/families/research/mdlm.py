"""MDLM: masked diffusion at GPT-2's size, trained on web text; bidirectional, and not conditioned on the noise level.

Reference: kuleshov-group/mdlm (Apache-2.0), arXiv 2406.07524. There are no fixtures for it: not verified against it.
"""

from infill_model.families.research.gpt2 import DitFamily, ids, shape, window

FAMILY = DitFamily(
    name="mdlm",
    claims=lambda it: it.config.model_type == "mdlm",
    shape=shape,
    ids=ids,
    block=None,
    lengths="lengths",
    window=lambda it: window(it.config.number("model_length")),
)
