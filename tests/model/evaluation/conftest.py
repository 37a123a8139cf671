"""The benchmarks beside a checkout, if there are any."""

import os
from pathlib import Path

import pytest
from shapes import SHAPES, corpus


@pytest.fixture(scope="session")
def benchmarks() -> Path:
    """Return the folder of HumanEval-Infilling and MBPP; tests that need it skip if it is absent."""
    beside = Path(__file__).parents[4] / "shared"
    folder = Path(os.environ.get("INFILL_SHARED", beside)) / "benchmarks"
    if not folder.is_dir():
        pytest.skip(f"no benchmarks in {folder}: set INFILL_SHARED to the folder that holds benchmarks/")
    return folder


@pytest.fixture(scope="session")
def heldout_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a corpus with two held-out projects."""
    folder = tmp_path_factory.mktemp("heldout")
    return corpus(folder, ("p", "a.py", 1.0, SHAPES), ("q", "b.py", 1.0, SHAPES.replace("Circle", "Ring")))
