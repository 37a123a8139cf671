"""The demonstration that `make demo` runs, with a tiny model of random weights."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_examples_are_python_and_have_gaps() -> None:
    files = [path for path in EXAMPLES.glob("*.py") if path.name != "demo.py"]
    assert files
    for path in files:
        source = path.read_text(encoding="utf-8")
        compile(source, path, "exec")
        assert "..." in source


@pytest.mark.slow
def test_the_demo_fills_every_gap(model_folder: Path) -> None:
    flags = ["--model", str(model_folder), "--threads", "1", "--steps", "1", "--budget-ms", "50"]
    command = [sys.executable, str(EXAMPLES / "demo.py"), *flags]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, "")
    gaps = sum(path.read_text(encoding="utf-8").count("...") for path in EXAMPLES.glob("[!d]*.py"))
    assert ended.stdout.count("$ infill-lsp fill examples") == gaps
    assert f"{gaps} gaps filled" in ended.stdout
