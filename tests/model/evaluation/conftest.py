"""The benchmarks that lie beside a checkout, where there are any."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def benchmarks() -> Path:
    """The folder of HumanEval-Infilling and MBPP; tests that need it skip where it is absent."""
    beside = Path(__file__).parents[4] / "shared"
    folder = Path(os.environ.get("INFILL_SHARED", beside)) / "benchmarks"
    if not folder.is_dir():
        pytest.skip(f"no benchmarks in {folder}: set INFILL_SHARED to the folder that holds benchmarks/")
    return folder
