"""The picture of quality against speed, from a sweep and from a study of methods."""

import json
from pathlib import Path

import pytest

from infill_model.evaluation.studies.dial import DRAFTS, LEFT_TO_RIGHT, main, read_results

USUAL = {"guide": "none", "critic": True, "copies": False, "remask": "none", "unmask": "top_k", "steps": 4}
RESULT = {"ms": 20, "exact": 0.5, "similarity": 0.75}


def written(path: Path, *rows: dict[str, object], key: str = "measured") -> Path:
    path.write_text(json.dumps({key: [RESULT | it for it in rows]}))
    return path


def test_methods_of_a_sweep_are_told_apart_and_steps_are_joined(tmp_path: Path) -> None:
    rows = [
        USUAL | it
        for it in (
            {"steps": 1, "ms": 5},
            {"steps": 64},
            {"unmask": "threshold:0.9:0.5"},
            {"unmask": "top_k:cosine"},
            {"remask": "edit"},
            {"guide": "quotes"},
            {"critic": False},
        )
    ]
    found = {it.name: it for it in read_results(written(tmp_path / "a", *rows))}
    names = ["top_k, by steps", "threshold, by steps", "other orders", "remasking", "guides", "without the critic"]
    assert list(found) == names
    assert [it.joined for it in found.values()] == [True, True, False, False, False, False]
    first, last = found["top_k, by steps"].points
    assert (first.ms, first.exact, first.similarity, first.label) == (5, 50, 75, "1")
    assert last.label == "one per token"
    assert found["guides"].points[0].label == "quotes"


def test_drafts_of_a_larger_model_are_no_steps(tmp_path: Path) -> None:
    rows = [USUAL, USUAL | {"copies": True}, USUAL | {"copies": True, "remask": "verify:0.2"}]
    one, drafts = read_results(written(tmp_path / "a", *rows))
    assert (one.name, drafts.name) == (LEFT_TO_RIGHT, DRAFTS)
    assert [it.label for it in drafts.points] == ["the model's own choice", "0.2"]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_picture_has_a_column_for_each_title(tmp_path: Path, kind: str) -> None:
    study = written(tmp_path / "s", {"method": "mixed, 8 steps back"}, {"method": "plaid"}, key="rows")
    assert [(it.name, it.points[0].label) for it in read_results(study)] == [("mixed", "8 steps back"), ("plaid", "")]
    sweep = written(tmp_path / "a", USUAL, USUAL | {"steps": 8, "ms": 40})
    out = tmp_path / f"dial.{kind}"
    assert main([f"one={sweep}", f"other={study}", f"other={study}", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG" if kind == "png" else b"<?xml")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"rows": [{}]}', '{"measured": 3}', '{"measured": [1]}'])
def test_another_file_is_one_sentence(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text(text)
    for file, out in (("a", "b.png"), ("missing", "b.png")):
        assert main([f"x={tmp_path / file}", "--out", str(tmp_path / out)]) == 2
        said = capsys.readouterr().err
        assert said.startswith("dial: ")
        assert said.count("\n") == 1


def test_a_picture_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = written(tmp_path / "a", USUAL)
    for out in ("none/b.png", "b.txt"):
        assert main([f"x={sweep}", "--out", str(tmp_path / out)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
