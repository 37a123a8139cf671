"""`python -m infill_model.backends.claims FOLDER`: which backend runs a checkpoint, or why none does, as JSON.

Only the configuration and the tokenizer are looked at, so that it can be told before the weights are there.
"""

import json
import sys
from pathlib import Path

from infill_model.backends.causal import marks_of
from infill_model.backends.checkpoint import Checkpoint
from infill_model.backends.families import FAMILIES, family_of
from infill_model.errors import WeightsError
from infill_model.folder import MODEL_TYPE


def backend_of(folder: Path) -> str:
    """The name of what runs the checkpoint in a folder.

    Raises:
        WeightsError: nothing does.
    """
    checkpoint = Checkpoint.open(folder)
    if checkpoint.config.model_type == MODEL_TYPE:
        return "infill"
    if not any(it.claims(checkpoint) for it in FAMILIES) and marks_of(checkpoint):
        return "causal"
    return family_of(checkpoint).name


def main(folder: str) -> int:
    """Print {"backend": name, "problem": sentence}; one of them is empty."""
    try:
        backend, problem = backend_of(Path(folder)), ""
    except WeightsError as error:
        backend, problem = "", str(error)
    print(json.dumps({"backend": backend, "problem": problem}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
