"""`bench replay`: how people type, what is typed into, which figures come of it; and real files in a real server."""

import importlib.util
import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infill_lsp.bench.replay.course import courses, sources
from infill_lsp.bench.replay.play import Key
from infill_lsp.bench.replay.summary import percentiles, row
from infill_lsp.bench.replay.typist import Stroke, Typist
from infill_lsp.cli.main import main
from infill_lsp.errors import SourceError
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

LINE = "total = sum(price[item] * count[item] for item in basket)"
PARTS = {"queue": 4.0, "encode": 10.0, "denoise": 20.0, "verify": 5.0, "critic": 1.0, "total": 40.0}
KEY = Key("type", 200, "python", cold=False, ms=60.0, shown=True, right=True, source="engine", engine=50.0,
          parts=PARTS, forwards=2, tokens=5)  # fmt: skip


def document(name: str, text: str) -> Document:
    return Document(f"file:///{name}", text, languages.of_file(name), 1)


def typed(seed: int, *, ghosts: bool) -> tuple[str, list[Stroke]]:
    """Retype the line in a text; with ghosts, the rest of it is on the screen after half of the strokes."""
    text, start, dice = f"x = 1\n    {LINE}\ny = 2\n", 10, random.Random(seed)
    strokes, ghost = list[Stroke](), ""
    typing = Typist(seed).retype(start, LINE)
    stroke = next(typing)
    while True:
        strokes.append(stroke)
        text = text[: stroke.start] + stroke.text + text[stroke.end :]
        here = text[start : stroke.cursor]
        ghost = LINE[len(here) :] if ghosts and LINE.startswith(here) and dice.random() < 0.5 else ""
        try:
            stroke = typing.send(ghost)
        except StopIteration:
            return text, strokes


@pytest.mark.parametrize("ghosts", [False, True])
def test_whatever_a_typist_does_the_line_is_there_in_the_end(ghosts: bool) -> None:
    kinds = set()
    for seed in range(60):
        text, strokes = typed(seed, ghosts=ghosts)
        assert text == f"x = 1\n    {LINE}\ny = 2\n"
        assert strokes == typed(seed, ghosts=ghosts)[1], "the seed and the answers decide everything"
        kinds |= {it.kind for it in strokes}
    assert kinds == {"jump", "type", "slip", "undo", "paste", *(["accept"] if ghosts else [])}


def test_keys_come_in_bursts() -> None:
    waits = [it.wait for seed in range(20) for it in typed(seed, ghosts=False)[1] if it.kind == "type"]
    in_bursts = [it for it in waits if it <= 0.15]
    assert min(waits) >= 0.08
    assert all(it >= 0.25 for it in waits if it > 0.15)
    assert 0.6 < len(in_bursts) / len(waits) < 0.95


def test_the_same_lines_are_typed_at_each_length() -> None:
    one = document("a.py", "".join(f"value_{at} = compute({at})\n" for at in range(40)))
    other = document("b.py", "".join(f"other_{at} = render({at})\n" for at in range(60)))
    lines = []
    for length in (200, 2000):
        course = next(iter(courses([one, other], length, 5)))
        assert abs(course.document.line_count - length) <= 2
        assert course.language == "python"
        lines.append([course.document.line(it) for it in course.lines])
        assert all(course.document.text.count(it) == 1 for it in lines[-1]), "nothing to copy it from"
    assert lines[0] == lines[1]
    assert len(lines[0]) == 5


def test_a_file_without_others_is_not_made_longer() -> None:
    one = document("a.py", "value = compute(item)\n" * 40)
    assert list(courses([one], 2000, 5)) == []
    (short,) = courses([one], 30, 5)
    assert short.document.line_count == 30


def test_a_folder_is_searched_for_source_files(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"m{number}.py").write_text("value = compute(item)\n")
    (tmp_path / "notes.unknown").write_text("value = compute(item)\n")
    (tmp_path / "broken.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/m.py").write_text("value = compute(item)\n")
    found = [it.name.rpartition("/")[2] for it in sources([tmp_path], 3)]
    assert found == ["m0.py", "m2.py", "m4.py"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no file"):
        sources([tmp_path / "empty"], 3)


def test_figures_of_keys() -> None:
    overtaken = replace(KEY, ms=None, shown=False, parts={}, source="", forwards=0, tokens=0)
    remembered = replace(KEY, ms=2.0, source="remembered", engine=0.0, parts={}, forwards=0, tokens=0)
    copy = replace(KEY, ms=9.0, copy=True, forwards=0, tokens=3, parts={**PARTS, "total": 3.0, "queue": 0.0})
    cold = replace(KEY, kind="jump", cold=True, ms=120.0, right=False)
    found = row([cold, overtaken, KEY, remembered, copy])
    assert found.keys == 5
    replaced = replace(KEY, ms=30.0, word=90.0, source="copies", parts={}, engine=0.0, forwards=0, tokens=0)
    assert row([replaced, KEY]).word == (90.0,) * 3
    assert row([replaced]).copied[0] == 30.0
    assert replaced.overhead is None, "the engine's part of it is not known"
    assert found.warm[0] == 9.0
    assert found.cold == (120.0,) * 3
    assert found.copied == (9.0,) * 3
    assert found.idle == (4.0,) * 3, "only what waited for one that was overtaken"
    assert found.within == {50: 0.4, 100: 0.6, 150: 0.8, 300: 0.8}, "of all keys"
    assert (found.shown, found.right, found.no_forward) == (0.8, 0.75, 0.5)
    assert found.tokens_per_forward == 2.5
    assert found.overhead[0] == 16.0
    assert found.parts["pipe"] == pytest.approx((6 + 6 + 47) / 3)
    json.dumps(found.as_json(), allow_nan=False)
    json.dumps(row([]).as_json(), allow_nan=False)


def test_percentiles_leave_out_what_is_not_there() -> None:
    assert percentiles([None, *map(float, range(100))]) == (50.0, 95.0, 99.0)
    assert all(it != it for it in percentiles([None]))  # noqa: PLR0124 - NaN differs from itself


def test_a_real_server_with_the_real_model_is_typed_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Path(__file__).parents[2] / "examples/access_log.py"
    out, picture = tmp_path / "replay.json", tmp_path / "replay.svg"
    flags = ["--lengths", "30", "--lines", "1", "--keys", "15", "--threads", "1", "--json", "--compare", "1"]
    drawn = ["--picture", str(picture)] if importlib.util.find_spec("matplotlib") else []
    assert main(["bench", "replay", str(source), *flags, "--out", str(out), *drawn]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads(out.read_text())
    every, python = report["rows"]
    assert (every["language"], python["language"], python["length"]) == ("all", "python", 30)
    assert 1 < every["keys"] <= 15
    assert every == {**python, "language": "all", "length": "all"}, "of one document"
    assert 0 <= every["within"]["50"] <= every["within"]["300"] <= 1
    (server,) = report["servers"]
    assert server["first_ms"] > server["ready_ms"] > 0
    if sys.platform == "linux":
        assert 20 < server["server_mb"] < server["engine_mb"] < 2000
    found = {it["name"]: it for it in report["compared"]["embedded"]}
    assert list(found) == ["as served", "nothing kept", "left to right", "plain"]
    assert found["as served"]["ratio"] == 1
    assert found["plain"]["ms"] > found["as served"]["ms"]
    if drawn:
        assert "</svg>" in picture.read_text()


def test_files_that_are_too_short_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("value = compute(item)\n")
    assert main(["bench", "replay", str(tmp_path)]) == 2
    assert "no file has as many lines" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--lengths", "200,many"], "'200,many' is no list of lengths"),
        (["--peer", "http://127.0.0.1:8080"], "is not one of openai"),
        (["--compare", "1", "--peer", "llama.cpp=http://127.0.0.1:9"], "127.0.0.1:9 cannot be reached"),
        (["--lengths", "5"], "20 to 100000 lines"),
        (["--out", "/no/folder/replay.json"], "there is no folder /no/folder"),
        (["--picture", "/no/folder/replay.svg"], "there is no folder /no/folder"),
    ],
)
def test_bad_flags_are_one_sentence(
    flags: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.py"
    path.write_text("value = compute(item)\n" * 70)
    try:
        code = main(["bench", "replay", str(path), *flags])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert sentence in capsys.readouterr().err
