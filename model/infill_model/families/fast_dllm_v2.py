"""Fast-dLLM v2: Qwen2.5 that writes blocks of 32, in any order within a block, predicting one position to the right.

Reference: the checkpoint's own modeling.py (card: Apache-2.0).
"""

from infill_model.errors import WeightsError
from infill_model.families.family import TransformerFamily, as_stored, qwen_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids

MASK = "|<MASK>|"


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the mask, which is only in the tokenizer, and the other ids."""
    mask = checkpoint.added_id(MASK)
    if mask is None:
        raise WeightsError(f"{checkpoint.folder}: its tokenizer has no mask token {MASK}; download its tokenizer too")
    end = checkpoint.config.token("eos_token_id")
    return Ids(mask=mask, end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="fast-dllm-v2",
    claims=lambda it: it.config.model_type == "Fast_dLLM_Qwen",
    shape=qwen_shape,
    ids=ids,
    renamed=as_stored,
    shifted=True,
    block=lambda it: it.config.number("bd_size", 32),
    lengths="blocks",
)
