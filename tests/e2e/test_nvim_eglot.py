"""Emacs' eglot in batch mode: a client that shares no code with the server, nor with the other editors."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from nvim_driver import REPOSITORY, real_server, scripted_server

SCRIPT = Path(__file__).with_name("eglot.el")


def eglot(server: list[str], file: Path, typed: str) -> dict[str, list[str]]:
    """What eglot sees once `typed` is typed at the end of a file."""
    if shutil.which("emacs") is None:
        pytest.skip("no emacs; apt-get install emacs-nox elpa-eglot")
    environment = {**os.environ, "EGLOT_SERVER": "\t".join(server), "EGLOT_FILE": str(file), "EGLOT_TYPED": typed}
    run = subprocess.run(
        ["emacs", "--batch", "-q", "-l", str(SCRIPT)],
        env={**environment, "HOME": str(file.parent)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, list[str]] = json.loads(run.stdout)
    return answer


def test_completion_and_code_actions_of_a_scripted_server(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("def f(first, second):\n")
    seen = eglot(scripted_server(), file, "    return first +")
    assert seen["states"] == ["ready"]
    assert seen["server"] == "scripted"
    assert seen["actions"] == ["Fill the gap here"]
    assert len(seen["completions"]) == 1
    assert "second" in seen["completions"][0]


def basket(tmp_path: Path) -> Path:
    file = tmp_path / "basket.py"
    file.write_text((REPOSITORY / "examples" / "basket.py").read_text())
    return file


def test_completion_of_the_real_server(tmp_path: Path) -> None:
    seen = eglot(real_server(), basket(tmp_path), "\n\ndef main():\n    basket = Basket()\n    basket.")
    assert seen["server"] == "infill-lsp"
    assert "ready" in seen["states"]
    assert seen["completions"], seen


def test_completion_of_the_real_server_within_a_word(tmp_path: Path) -> None:
    seen = eglot(real_server(), basket(tmp_path), "\n\nfor item in self.ite")
    assert seen["completions"], seen
