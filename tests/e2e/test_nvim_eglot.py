"""Emacs' eglot in batch mode: a client that shares no code with the server or the other editors."""

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from nvim_driver import REPOSITORY, real_server, scripted_server

INVOICE = """class Invoice:
    def total(self):
        return sum(item.price * item.count for item in self.items)

    def average(self):
        ...
"""
SCRIPT = Path(__file__).with_name("eglot.el")


def eglot(server: list[str], file: Path, **wanted: str) -> dict[str, list[str]]:
    """Return what eglot reports after `typed` text at the end of a file, or after an `action` chosen `at` a text."""
    if shutil.which("emacs") is None:
        pytest.skip("no emacs; apt-get install emacs-nox elpa-eglot")
    told = {"server": "\t".join(server), "file": str(file), **wanted}
    environment = os.environ | {f"EGLOT_{name.upper()}": value for name, value in told.items()}
    run = subprocess.run(
        ["emacs", "--batch", "-q", "-l", str(SCRIPT)],
        env=environment | {"HOME": str(file.parent)},
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
    seen = eglot(scripted_server(), file, typed="    return first +", action="Fill the gap here", at="def")
    assert seen["states"] == ["ready"]
    assert seen["server"] == "scripted"
    assert seen["actions"] == ["Fill the gap here"]
    assert len(seen["completions"]) == 1
    assert seen["lines"] == ["filled = True", "def f(first, second):", "    return first + second"]


def basket(tmp_path: Path) -> Path:
    file = tmp_path / "basket.py"
    file.write_text((REPOSITORY / "examples" / "basket.py").read_text())
    return file


def test_a_completion_of_the_real_server_is_accepted(tmp_path: Path) -> None:
    seen = eglot(real_server(), basket(tmp_path), typed="\n\ndef again(self):\n    for known in self.")
    assert seen["server"] == "infill-lsp"
    assert "ready" in seen["states"]
    assert "\n".join(seen["lines"]).endswith("    for known in self." + seen["completions"][0].removeprefix("self."))
    assert seen["completions"][0].removeprefix("self.")


def test_a_body_is_filled_by_the_real_server(tmp_path: Path) -> None:
    file = tmp_path / "invoice.py"
    file.write_text(INVOICE)
    seen = eglot(real_server(), file, action="Fill this body", at="...")
    assert "Fill this body" in seen["actions"]
    assert seen["lines"][:3] == INVOICE.splitlines()[:3]
    assert "..." not in "".join(seen["lines"])
    ast.parse("\n".join(seen["lines"]))
