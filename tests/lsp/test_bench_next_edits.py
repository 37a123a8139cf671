"""`bench next-edits`: cases that hold what they say, what an offered edit is worth, and real git histories."""

import ast
import asyncio
import json
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import fake_engine
import pytest

from infill_lsp.bench.next_edits.case import SILENT, EditCase, judge
from infill_lsp.bench.next_edits.command import answer, sampled, served
from infill_lsp.bench.next_edits.controls import nothing, text_replace, without_history
from infill_lsp.bench.next_edits.history import read_history
from infill_lsp.bench.next_edits.marked import marked, read_cases
from infill_lsp.bench.next_edits.report import Share, counts, shares
from infill_lsp.bench.next_edits.tokens import small_changes, tokens
from infill_lsp.cli.main import main
from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.find import MOST
from infill_lsp.errors import SourceError
from infill_lsp.text.document import Document
from infill_model.request import Fill, Options, Request

FOLDER = Path(__file__).with_name("next_edits")
FILES = sorted(FOLDER.glob("*.txt"))
CASES = read_cases(FILES)
CODE = "def f(⟦total→net⟧, rate):\n    x = «total→net» * rate\n    return «total→net¦x» # ‹total→net›\n\n\nprint(f)\n"


def wanted(before: Document, after: Document, cursor: int | None) -> Sequence[Change]:
    """Answer the cases as their authors would."""
    (case,) = (it for it in CASES if it.after is after)
    return [Change(it.start, it.end, it.texts[0]) for it in case.expected if it.wanted]


def test_there_are_enough_cases_of_each_kind() -> None:
    kinds = Counter(it.kind for it in CASES)
    assert kinds.total() - kinds[SILENT] >= 60
    assert kinds[SILENT] >= 20
    assert min(kinds.values()) >= 5
    languages = Counter(it.before.language.id for it in CASES if it.before.language)
    assert languages.total() == len(CASES)
    assert languages.total() - languages["python"] >= 15


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_a_case_is_sound_code_before_and_after(case: EditCase) -> None:
    for text in (case.before.text, case.after.text, case.final):
        tree = Document(case.name, text, case.before.language).parsed()
        assert tree is not None
        assert not tree.root.has_error
        if case.name.endswith(".py"):
            ast.parse(text)
    assert 9 <= case.after.line_count <= 45
    assert (case.final == case.after.text) is case.is_silent


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_each_expected_edit_is_right(case: EditCase) -> None:
    for at, it in enumerate(case.expected):
        for text in it.texts:
            assert judge(case, Change(it.start, it.end, text)).verdict == "right"
            assert text != case.after.text[it.start : it.end]
        assert at == 0 or case.expected[at - 1].end <= it.start
    found = answer(case, wanted)
    assert found.found == min(MOST, len(case.wanted))
    assert found.verdict == (SILENT if case.is_silent else "right")


def test_the_server_is_silent_where_nothing_is_called_for_and_better_than_its_controls() -> None:
    answers = [answer(it, served) for it in CASES]
    replaced = [answer(it, text_replace) for it in CASES]
    assert [it.case.name for it in answers if it.case.is_silent and it.offered] == []
    assert shares(answers)["edits right"].value > shares(replaced)["edits right"].value
    assert shares(answers)["right"].hits > 0


def test_a_text_with_marks_is_three_texts() -> None:
    case = marked("a.py", "rename", CODE)
    assert case.before.text.splitlines()[:2] == ["def f(total, rate):", "    x = total * rate"]
    assert case.after.text.splitlines()[:2] == ["def f(net, rate):", "    x = total * rate"]
    assert case.final.splitlines()[1:3] == ["    x = net * rate", "    return net # total"]
    assert case.after.text[: case.cursor] == "def f(net"
    assert [it.texts for it in case.expected] == [("net",), ("net", "x"), ("net",)]
    assert case.wanted == {0, 1}


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("total * rate", "net * rate", "right"),
        ("    x = total * rate\n    return total", "    x = net * rate\n    return x", "right"),
        ("total #", "x #", "right"),
        ("# total", "# net", "right"),
        ("total * rate", "gross * rate", "inexact"),
        ("rate\n", "net\n", "inexact"),
        ("total * rate", "total * rate", "inexact"),
        ("print(f)", "print(net)", "false"),
        ("rate):", "rate, total):", "false"),
        ("\n\n\nprint", "\n\n\n\nprint", "false"),
    ],
)
def test_an_offered_edit_is_judged_by_what_becomes_of_the_document(old: str, new: str, verdict: str) -> None:
    case = marked("a.py", "rename", CODE)
    start = case.after.text.index(old)
    assert judge(case, Change(start, start + len(old), new)).verdict == verdict


def test_an_added_line_may_begin_at_either_line_end() -> None:
    case = marked("a.py", "field", "def f(a⟦→, b⟧):\n    x = a\n«→    y = b\n»    return x\n")
    end = case.after.text.index("    return")
    assert judge(case, Change(end - 1, end - 1, "\n    y = b")).verdict == "right"
    assert judge(case, Change(end - 1, end - 1, "\n    z = b")).verdict == "inexact"
    assert judge(case, Change(end, end, "    z = b\n")).verdict == "inexact"


@pytest.mark.parametrize(
    ("line", "text", "verdict"),
    [
        (1, "import os\n", "right"),
        (4, "import os\n", "right"),
        (5, "\nimport os\n", "right"),
        (3, "import sys\n", "inexact"),
        (8, "import os\n", "false"),
    ],
)
def test_imports_may_stand_in_any_order(line: int, text: str, verdict: str) -> None:
    case = marked("a.py", "import", "import re\n«→import os\n»import json\nimport sys\n\n\nprint(⟦1→os.sep⟧)\nx = 1\n")
    at = case.after.lines.start(line)
    assert judge(case, Change(at, at, text)).verdict == verdict


def test_the_first_edit_decides_and_all_are_counted() -> None:
    case = marked("a.py", "rename", CODE)
    at = [it.start for it in case.expected]
    right, wrong = Change(at[0], at[0] + 5, "net"), Change(0, 3, "class")
    quiet = marked("b.py", SILENT, "a = ⟦1→2⟧\nb = 1\n")
    answers = [
        answer(case, lambda *_: (right, wrong)),
        answer(case, lambda *_: (wrong, right)),
        answer(case, nothing),
        answer(quiet, nothing),
        answer(quiet, lambda *_: (Change(0, 1, "x"),)),
    ]
    assert [it.verdict for it in answers] == ["right", "false", SILENT, SILENT, "false"]
    found = counts(answers)
    assert (found["cases"], found["right"], found["false"], found[SILENT]) == (5, 1, 2, 2)
    assert (found["edits"], found["hits"], found["wanted"], found["found"]) == (5, 2, 6, 2)
    told = {name: (it.hits, it.of) for name, it in shares(answers).items()}
    assert told == {"right": (1, 3), "wrong": (1, 3), "false alarms": (1, 2), "edits right": (2, 5)}


def test_an_interval_holds_for_few_cases_and_for_none() -> None:
    assert Share(0, 20).interval == pytest.approx((0.0, 0.161), abs=0.001)
    assert Share(5, 10).interval == pytest.approx((0.237, 0.763), abs=0.001)
    assert str(Share(0, 0)) == "-"


def test_text_replace_offers_whole_words_nearest_first() -> None:
    case = marked("a.py", "rename", CODE + "subtotal = total_1 = total = 1\n")
    offered = text_replace(case.before, case.after, case.cursor)
    assert [case.after.place(it.start)[0] for it in offered] == [2, 3, 3]
    assert {it.text for it in offered} == {"net"}
    added = marked("a.py", "rename", "a = ⟦→1 + ⟧b\nc = «b→1»\n")
    assert text_replace(added.before, added.after, None) == ()


def test_a_text_is_its_tokens_and_its_changes() -> None:
    old, new = "a = f(x, y)\n", "a = f(x, z, y=1)\n"
    assert "".join(tokens(old)) == old
    text = old
    for it in reversed(list(small_changes(old, new))):
        text = text[: it.start] + it.text + text[it.end :]
    assert text == new


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = 1\n", "holds no case"),
        ("=== rename a.py\na = ⟦1→2\nb = «1→2»\n", "a.py: a mark with ⟦ is malformed"),
        ("=== rename a.py\na = 1\nb = «1→2»\n", "a.py: has no change"),
        ("=== rename a.py\na = ⟦1→2⟧\n", "a.py: is not silent and calls for nothing"),
        ("=== silent a.py\na = ⟦1→2⟧\nb = «1→2»\n", "a.py: is silent and calls for edits"),
        ("=== silent a.py\na = ⟦1→2⟧\n=== silent a.py\na = ⟦1→2⟧\n", "a.py: is the name of two cases"),
    ],
)
def test_a_malformed_case_is_one_sentence(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.txt"
    path.write_text(text)
    assert main(["bench", "next-edits", "--cases", str(path)]) == 2
    found = capsys.readouterr()
    assert sentence in found.err
    assert found.err.count("\n") == 1


OLD = """import re


def total(items):
    return sum(it.price for it in items)


def mean(items):
    return total(items) / len(items)


def label(text):
    return text.strip()
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "--quiet")
    commit(path, {"shop.py": OLD, "README.md": "total\n"})
    return path


def git(path: Path, *words: str) -> None:
    names = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", "-C", str(path), *words], check=True, capture_output=True, env={**os.environ, **names})


def commit(path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (path / name).write_text(text)
    git(path, "add", ".")
    git(path, "commit", "--quiet", "--message", "x")


def test_a_commit_in_related_places_is_a_case(repository: Path) -> None:
    commit(repository, {"shop.py": OLD.replace("total", "net"), "README.md": "net\n"})
    (case,) = read_history(repository, 10)
    assert (case.source, case.kind) == ("shop", "rename")
    assert case.after.text == OLD.replace("def total", "def net")
    assert case.after.text[: case.cursor].endswith("def net")
    assert case.final == OLD.replace("total", "net")
    assert answer(case, text_replace).verdict == "right"


def test_what_is_unrelated_may_be_offered_and_is_not_missed(repository: Path) -> None:
    new = OLD.replace("total(items)", "total(items, rate)").replace("strip", "lstrip")
    commit(repository, {"shop.py": new})
    (case,) = read_history(repository, 10)
    assert case.kind == "arguments"
    assert [it.texts for it in case.expected] == [(", rate",), ("lstrip",)]
    assert case.wanted == {0}


def test_what_brings_in_a_new_word_is_not_missed(repository: Path) -> None:
    new = OLD.replace("total(items):", "total(items, rate):").replace("total(items) /", "total(items, rate=7) /")
    commit(repository, {"shop.py": new})
    with pytest.raises(SourceError):
        read_history(repository, 10)
    commit(repository, {"shop.py": OLD})
    commit(repository, {"shop.py": new.replace("rate):", "rate=7):")})
    assert [it.kind for it in read_history(repository, 1)] == ["arguments"]


def test_an_import_is_called_for_by_its_use(repository: Path) -> None:
    commit(repository, {"shop.py": OLD.replace("import re", "import math\nimport re").replace("sum(", "math.fsum(")})
    (case,) = read_history(repository, 10)
    assert case.kind == "import"
    assert "math.fsum" in case.after.text
    assert [it.texts for it in case.expected] == [("import math\n",)]


def test_one_place_calls_for_nothing(repository: Path) -> None:
    commit(repository, {"shop.py": OLD.replace("strip", "lstrip")})
    (case,) = read_history(repository, 10)
    assert case.kind == SILENT
    assert case.is_silent


@pytest.mark.parametrize(
    "files",
    [
        {"shop.py": OLD.replace("total", "net"), "other.py": "x = 1\n"},  # Two files.
        {"shop.py": OLD.replace("strip", "lstrip").replace("import re", "import os")},  # Nothing related.
        {"shop.py": OLD.replace("it.price", "it.p").replace("len(items)", "1")},
        {"README.md": "net\n"},
        {"shop.py": "\n".join(f"x{number} = 1" for number in range(40))},
    ],
)
def test_other_commits_are_no_cases(repository: Path, files: dict[str, str]) -> None:
    commit(repository, {"other.py": "x = 0\n"})
    commit(repository, files)
    with pytest.raises(SourceError, match="none of its last 1 commits"):
        read_history(repository, 1)


def test_a_history_is_only_read_and_a_bare_one_will_do(repository: Path, tmp_path: Path) -> None:
    commit(repository, {"shop.py": OLD.replace("total", "net")})
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(bare))
    before = {it: it.stat().st_mtime_ns for it in repository.rglob("*")}
    assert [it.final for it in read_history(repository, 10)] == [it.final for it in read_history(bare, 10)]
    assert {it: it.stat().st_mtime_ns for it in repository.rglob("*")} == before


def test_a_partial_clone_is_not_completed(repository: Path, tmp_path: Path) -> None:
    commit(repository, {"shop.py": OLD.replace("total", "net")})
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", repository.as_uri(), "part.git")
    with pytest.raises(SourceError, match="a partial clone cannot be measured"):
        read_history(tmp_path / "part.git", 10)


def test_what_cannot_be_measured_is_one_sentence(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    empty = tmp_path / "empty"
    empty.mkdir()
    new = tmp_path / "new"
    new.mkdir()
    git(new, "init", "--quiet")
    for words, sentence in (
        ([], "there is nothing to measure; give --cases FILE or --history REPOSITORY"),
        (["--cases", str(tmp_path / "none.txt")], "there is no such file"),
        (["--history", str(tmp_path / "none")], "there is no such folder"),
        (["--history", str(empty)], "git cannot read it (not a git repository"),
        (["--history", str(new)], "does not have any commits yet)"),
        (["--history", str(repository)], "none of its last 2000 commits changes one source file"),
        (["--cases", str(FILES[0]), "--out", "/no/folder/x.jsonl"], "there is no folder /no/folder"),
    ):
        assert main(["bench", "next-edits", *words]) == 2
        found = capsys.readouterr()
        assert sentence in found.err
        assert found.err.count("\n") == 1
        assert not found.out
    monkeypatch.setenv("PATH", str(empty))
    assert main(["bench", "next-edits", "--history", str(repository)]) == 2
    assert "git cannot be started" in capsys.readouterr().err


def test_cases_and_histories_are_reported(repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(repository, {"shop.py": OLD.replace("total", "net")})
    out = tmp_path / "offered.jsonl"
    command = ["bench", "next-edits", "--cases", *map(str, FILES), "--history", str(repository), "--out", str(out)]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cases"] == len(CASES) + 1
    methods = found["methods"]
    assert list(methods) == ["next edits", "text replace", "nothing"]
    assert methods["next edits"]["shares"]["history"]["right"]["hits"] == 1
    assert methods["nothing"]["shares"]["cases"]["right"]["hits"] == 0
    assert methods["text replace"]["shares"]["history"]["right"] == pytest.approx(
        {"hits": 1, "of": 1, "share": 1.0, "low": 0.207, "high": 1.0}, abs=0.001
    )
    assert {it["source"] for it in methods["text replace"]["rows"]} == {"cases", "shop"}
    assert len(out.read_text().splitlines()) == len(CASES) + 1
    assert main(command) == 0
    assert "All methods, with 95% intervals" in capsys.readouterr().out


def test_a_model_is_measured_with_history_and_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases.txt"
    paint = 'KIND = "⟦red→blue⟧"\n\n\ndef paint(wall):\n    wall.cover("«red→blue»")\n    return wall\n'
    path.write_text(f'=== repeat paint.py\n# fill blue")\n{paint}')
    command = ["bench", "next-edits", "--cases", str(path), "--model", "base-0.5b", "--json"]
    assert main(command, engine=lambda settings: fake_engine.command("--reads")) == 0
    methods = json.loads(capsys.readouterr().out)["methods"]
    assert list(methods) == ["and base-0.5b", "base-0.5b without history", "next edits", "text replace", "nothing"]
    right = {name: it["shares"]["cases"]["right"]["hits"] for name, it in methods.items()}
    assert (right["and base-0.5b"], right["base-0.5b without history"], right["next edits"]) == (1, 0, 0)
    assert main(command, engine=lambda settings: fake_engine.command()) == 2
    assert "does not tell how probable present text is" in capsys.readouterr().err


def test_the_model_without_history_does_not_read_what_was_there(tmp_path: Path) -> None:
    case = marked("a.py", "rename", CODE)
    asked = []

    async def ask(request: Request, options: Options) -> list[Fill]:
        asked.append(request)
        return []

    assert asyncio.run(without_history(case.before, case.after, ask)) == ()
    assert asked
    assert not any("def f(total" in it.prefix + it.suffix for it in asked)


def test_a_sample_is_spread_evenly_over_both_kinds() -> None:
    calling = [it for it in CASES if not it.is_silent]
    silent = [it for it in CASES if it.is_silent]
    assert sampled(CASES, None) == calling + silent
    found = sampled(CASES, 10)
    assert [it.is_silent for it in found] == sorted(it.is_silent for it in found)
    assert 5 <= sum(it.is_silent for it in found) <= 10
    assert 5 <= sum(not it.is_silent for it in found) <= 10
    assert found[0] is calling[0]
    assert found[1] is not calling[1]
    assert sampled([], 10) == []
