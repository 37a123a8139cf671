"""`bench judge`: code that people wrote is judged at its own place, and each objection is named."""

import json
from pathlib import Path

import pytest

from infill_lsp.cli.main import main

CODE = "def size(path, unit):\n    total = path.stat().st_size\n    return total // unit\n"


def test_right_code_meets_no_objection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(CODE)
    (tmp_path / "a.rs").write_text("fn main() {\n    let a = 1;\n}\n")
    (tmp_path / "notes.txt").write_text("words of no language\n" * 9)
    paths = [str(tmp_path / it) for it in ("a.py", "a.rs", "notes.txt")]
    assert main(["bench", "judge", *paths, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["texts"], report["objections"]) == (6, [])
    assert 0 < report["ms_p50"] <= report["ms_p95"]


def test_an_objection_is_named_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("x = nowhere\n")
    assert main(["bench", "judge", str(tmp_path / "a.py")]) == 0
    out = capsys.readouterr().out
    assert "a.py:1: `nowhere` is not defined here: " in out
    assert "1 pieces of code, 1 objections" in out


def test_without_code_there_is_nothing_to_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("words\n")
    assert main(["bench", "judge", str(tmp_path / "notes.txt")]) != 0
    assert "None of these files has code in a language that the judge knows" in capsys.readouterr().err


def test_a_path_that_is_no_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "judge", str(tmp_path / "nowhere.py")]) == 2
    assert f"{tmp_path / 'nowhere.py'}: is not a file" in capsys.readouterr().err
