"""BD3-LM: MDLM's network, trained to write block after block; a block sees itself and the finished ones before it.

During training each noisy block saw clean ones, in a row twice as long; at inference that is the plain block-causal
mask, so the cache of finished blocks is exact. Its `cross_attn` is this mask.

Reference: kuleshov-group/bd3lms (Apache-2.0), arXiv 2503.09573. There are no fixtures for it: not verified against it.
"""

from infill_model.families.research.dit import DitShape
from infill_model.families.research.gpt2 import DitFamily, ids, window
from infill_model.families.research.gpt2 import shape as common_shape
from infill_model.files.checkpoint import Checkpoint


def shape(checkpoint: Checkpoint) -> DitShape:
    """Read the sizes; refuse a model whose blocks do not see earlier ones, which would be a different model."""
    checkpoint.config.refuse("cross_attn", True)
    return common_shape(checkpoint)


FAMILY = DitFamily(
    name="bd3lm",
    claims=lambda it: it.config.model_type == "bd3lm",
    shape=shape,
    ids=ids,
    block=lambda it: it.config.number("block_size"),
    lengths="blocks",
    window=lambda it: window(it.config.number("model_length")),
)
