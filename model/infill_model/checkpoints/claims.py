"""`python -m infill_model.checkpoints.claims FOLDER`: which backend runs a checkpoint, or why none does, as JSON.

Only the configuration and the tokenizer are looked at, so that it can be told before the weights are there.
"""

import json
import sys
from pathlib import Path
from typing import Final

from infill_model.checkpoints.causal import marks_of
from infill_model.embedded.folder import MODEL_TYPE
from infill_model.errors import WeightsError
from infill_model.families.registry import FAMILIES, family_of
from infill_model.files.checkpoint import Checkpoint

CAUSAL: Final = "causal"
"""What runs a causal model that has marks for filling in the middle."""


def backend_of(checkpoint: Checkpoint) -> str:
    """The name of what runs a checkpoint: `MODEL_TYPE`, `causal`, or a family's.

    Raises:
        WeightsError: nothing does.
    """
    if checkpoint.config.model_type == MODEL_TYPE:
        return MODEL_TYPE
    if not any(it.claims(checkpoint) for it in FAMILIES) and marks_of(checkpoint):
        return CAUSAL
    return family_of(checkpoint).name


def main(folder: str) -> int:
    """Print {"backend": name, "problem": sentence}; one of them is empty."""
    try:
        backend, problem = backend_of(Checkpoint.open(Path(folder))), ""
    except WeightsError as error:
        backend, problem = "", str(error)
    print(json.dumps({"backend": backend, "problem": problem}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
