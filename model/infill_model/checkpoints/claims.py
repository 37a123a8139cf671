"""`python -m infill_model.checkpoints.claims FOLDER`: which backend runs a checkpoint, or why none does, as JSON.

Reads only the configuration and the tokenizer, so that it works before the weights are there.
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
"""The backend of a causal model that has marks for filling in the middle."""


def backend_of(checkpoint: Checkpoint) -> str:
    """Return the name of a checkpoint's backend: `MODEL_TYPE`, `causal`, or a family's.

    Raises:
        WeightsError: no backend runs it.
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
