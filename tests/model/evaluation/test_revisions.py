"""First and final choices, on traces worked out by hand and on real ones."""

import json
from pathlib import Path

from infill_model.cli.main import main
from infill_model.evaluation.studies.revisions import choices
from infill_model.request import Frame, TraceToken


def frame(*tokens: str) -> Frame:
    shown = [TraceToken("", "masked", 0.0) if it == "?" else TraceToken(it, "committed", 0.5) for it in tokens]
    return Frame(1, (TraceToken("x", "pinned", 1.0), *shown), "", 0.0)


def test_what_was_written_first_and_last_at_each_position() -> None:
    trace = [frame("a", "?", "?"), frame("b", "c", "?"), frame("?", "c", "d"), frame("a", "c", "e")]
    assert list(choices(trace, ["a", "x", "e"])) == [("a", "a", "a"), ("c", "c", "x"), ("d", "e", "e")]


def test_a_canvas_of_another_length_says_nothing() -> None:
    assert list(choices([frame("a", "b")], ["a"])) == []
    assert list(choices([], ["a"])) == []


def test_policies_side_by_side(model_folder: Path, tmp_path: Path) -> None:
    rows = [{"task_id": str(n), "prefix": "def f(a, b):\n    return ", "suffix": "\n", "gold": "a + b"} for n in "12"]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = ["revisions", str(tmp_path / "t.jsonl"), "--model", str(model_folder), "--json", str(tmp_path / "r.json")]
    assert main([*command, "--remask", "none", "edit", "revoke:0.9"]) == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert [it["policy"] for it in found["rows"]] == ["none", "edit", "revoke:0.9"]
    none, edit, revoke = found["rows"]
    assert none["positions"] == edit["positions"] == revoke["positions"] > 0
    assert none["repaired"] == none["spoiled"] == none["changed"] == 0
    assert all(it["wrong"] + it["right"] == it["positions"] for it in found["rows"])
