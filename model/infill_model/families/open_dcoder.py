"""Open-dCoder: a bidirectional Qwen2.5-Coder. Its config.json is Qwen2's own, so only its mask token identifies it.

Reference: pengzhangzhi/Open-dLLM, veomni/models/transformers/qwen2 (Apache-2.0).
"""

from infill_model.errors import WeightsError
from infill_model.families.family import TransformerFamily, as_stored, qwen_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids

MASK = "<M>"


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the mask, which is only in the tokenizer, and the other ids."""
    mask = checkpoint.added_id(MASK)
    if mask is None:
        raise WeightsError(f"{checkpoint.folder}: its tokenizer has no mask token {MASK}")
    end = checkpoint.config.token("eos_token_id")
    return Ids(mask=mask, end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="open-dcoder",
    claims=lambda it: it.config.model_type == "qwen2" and it.added_id(MASK) is not None,
    shape=qwen_shape,
    ids=ids,
    renamed=as_stored,
    shifted=True,
    block=None,
    lengths="lengths",
)
