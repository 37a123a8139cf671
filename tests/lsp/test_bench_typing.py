"""`bench typing`: what counts as right, what counts as a fault, and a real file typed into a real server."""

import json
import sys
from pathlib import Path

import pytest

from infill_lsp.bench import faults
from infill_lsp.bench.typing import judge, lines_to_type
from infill_lsp.cli.main import main
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

CODE = """import os


def size(path, unit):
    total = os.path.getsize(path)
    return total // unit


def name(path):
    return os.path.basename(path)
"""
FAKE_SERVER = Path(__file__).with_name("cli_with_fake_engine.py")


def document(text: str = CODE, name: str = "a.py") -> Document:
    return Document(f"file:///{name}", text, languages.of_file(name), 1)


def verdicts(line: int, column: int, text: str, code: str = CODE, name: str = "a.py") -> set[str]:
    """Judge `text` in place of the rest of a line."""
    before = document(code, name)
    start = before.lines.start(line)
    end = start + len(before.lines.line(line).rstrip())
    return set(judge(before, line, column, text, before.edited(start + column, end, text).text).verdicts)


@pytest.mark.parametrize(
    ("line", "column", "text", "expected"),
    [
        (6, 11, "total // unit", {"right"}),
        (6, 11, "total // unit\n", {"right"}),
        (5, 12, "os.path.getsize(path)\n    return total // unit", {"right"}),
        (5, 12, "os.path.getsize(path)\n    return unit", {"beginning"}),
        (6, 11, "total", {"beginning"}),
        (6, 11, "tot", {"undefined"}),
        (6, 11, "total / unit", set()),
        (6, 11, "amount", {"undefined"}),
        (6, 11, "unit // size", set()),
        (6, 4, "def name(path):\n        pass", set()),
        (9, 0, "def size(path):", {"redefined"}),
        (6, 4, "total = os.path.getsize(path)", {"repeated"}),
        (9, 0, "    return os.path.basename(path)", {"repeated"}),
        (6, 11, "total //", {"beginning", "broken"}),
    ],
)
def test_a_suggestion_is_compared_with_what_stood_there(line: int, column: int, text: str, expected: set[str]) -> None:
    assert verdicts(line, column, text) == expected


def test_other_languages_have_no_faults_that_need_a_compiler() -> None:
    assert verdicts(2, 8, "b;", "let a = 1;\nlet c = a;\n", "a.js") == set()
    assert verdicts(2, 8, "a;", "let a = 1;\nlet c = a;\n", "a.js") == {"right"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nprint(os, sys)\n", {"sys"}),
        ("def f(a):\n    return a + b\n", {"b"}),
        ("def f():\n    global b\n    b = 1\nprint(b)\n", set()),
        ("class A:\n    x = 1\n    y = x\n", set()),
        ("class A:\n    x = 1\n\n    def f(self):\n        return x\n", {"x"}),
        ("print([i for i in range(3)], i)\n", {"i"}),
        ("def f(a):\n    def g():\n        return a\n    return g\n", set()),
    ],
)
def test_undefined_names_are_those_that_nothing_binds(text: str, expected: set[str]) -> None:
    assert faults.undefined(text) == expected


@pytest.mark.parametrize("text", ["from os import *\nprint(sep)\n", "def f(:\n"])
def test_undefined_names_may_be_unknown(text: str) -> None:
    assert faults.undefined(text) is None


def test_real_code_has_no_faults() -> None:
    for path in Path(faults.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert faults.undefined(text) == frozenset()
        assert not faults.redefined(text)


def test_overloads_setters_and_conditions_are_no_redefinitions() -> None:
    text = "@x\ndef f(): ...\n@x\ndef f(): ...\nif a:\n    def g(): ...\nelse:\n    def g(): ...\n"
    assert not faults.redefined(text)
    assert faults.redefined("def f(): ...\nclass A:\n    def f(self): ...\n    def f(self): ...\n") == {"f": 1}


@pytest.mark.parametrize(
    ("text", "line", "repeated"),
    [
        ("def f():\n    a = 1\n    a = 1\n", 2, True),
        ("def f():\n    a = 1\n    b = 2\n    a = 1\n", 1, True),
        ("def f():\n    a = 1\n\n\ndef g():\n    a = 1\n", 1, False),
        ("f(\n    1,\n)\n", 1, False),
    ],
)
def test_a_line_is_repeated_within_its_block(text: str, line: int, repeated: bool) -> None:
    assert faults.repeats(text, line, line) is repeated


def test_lines_are_spread_over_the_file() -> None:
    text = "".join(f"value = {number}\n\n}}\n" for number in range(100))
    assert lines_to_type(document(text), 4) == [1, 76, 151, 226]
    assert lines_to_type(document("a\n\nlonger\n"), 4) == [3]


def test_a_file_is_typed_into_a_real_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "sizes.py", tmp_path / "shown.jsonl"
    path.write_text(CODE)
    command = ["bench", "typing", str(path), "--lines", "2", "--model", "embedded", "--threads", "1"]
    assert main([*command, "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    every = found["rows"][-1]
    assert found["files"] == 1
    assert (
        every["keys"]
        == sum(row["keys"] for row in found["rows"][:-1])
        == len("import os") + len("return total // unit")
    )
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert every["shown"] == len(rows) > 0
    assert every["right"] == sum("right" in row["verdicts"] for row in rows)
    assert path.read_text() == CODE


def test_another_server_can_be_typed_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sizes.py"
    path.write_text("# fill pass\n" + CODE)
    server = f"{sys.executable} {FAKE_SERVER} --stdio"
    assert main(["bench", "typing", str(path), "--lines", "1", "--server", server]) == 0
    assert "of what is shown" in capsys.readouterr().out


def exit_code(words: list[str]) -> int | str | None:
    try:
        return main(words)
    except SystemExit as end:  # argparse ends so.
        return end.code


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--server", "/no/such/server"], "/no/such/server: cannot be started (No such file or directory)"),
        (["--server", "true"], "the server "),
        (["--server", "'"], "is no command: No closing quotation"),
        (["--server", ""], "an empty text is no command"),
        (["--confidence", "2"], "'2' is not a number from 0 to 1"),
        (["--model", "/no/model"], "/no/model: no such model folder"),
        (["--out", "/no/folder/shown.jsonl"], "there is no folder /no/folder"),
    ],
)
def test_bad_flags_are_one_sentence(
    flags: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sizes.py"
    path.write_text(CODE)
    assert exit_code(["bench", "typing", str(path), *flags]) == 2
    found = capsys.readouterr()
    assert sentence in found.err
    assert found.err.count("\n") == 1
    assert not found.out


def test_a_missing_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "typing", str(tmp_path / "none.py")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
