"""The tables of documents are filled from result files."""

import json
from pathlib import Path

import pytest

from infill_model.cli.main import main
from infill_model.errors import TaskError
from infill_model.evaluation.report.card import filled_in, rendered

ROOT = Path(__file__).parents[3]

RECORD = {"command": "infill-model it", "commit": "abc-dirty", "machine": "a machine", "model": None, "seconds": 1.0}


def written(folder: Path, **result: object) -> Path:
    path = folder / "it.json"
    path.write_text(json.dumps({"record": RECORD, **result}), encoding="utf-8")
    return path


def test_a_table_with_its_commands_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    mean = {"mean": 0.5, "low": 0.25, "high": 0.75, "count": 4}
    row = {"method": "ours", "kind": "block", "tasks": 4, "exact": mean, "similarity": None, "parses": None}
    model = {"name": "m", "sha256": "0123456789abcdef"}
    run = {"record": {**RECORD, "command": "infill-model other", "model": model}}
    written(tmp_path, runs=[run], rows=[{**row, "passed": None, "forwards": 2.0, "ms": 31.4}])
    document = tmp_path / "CARD.md"
    document.write_text("before\n\n<!-- from it.json -->\nold\n<!-- end -->\n\nafter\n", encoding="utf-8")
    assert main(["card", str(document)]) == 0
    once = document.read_text(encoding="utf-8")
    assert once == (
        "before\n\n<!-- from it.json -->\n\n"
        "| kind | method | tasks | exact match | forwards | ms |\n"
        "| --- | --- | ---: | ---: | ---: | ---: |\n"
        "| block | ours | 4 | 50.0 [25.0, 75.0] | 2.0 | 31 |\n\n"
        "    infill-model other\n    infill-model it\n\ncommit abc, a machine, weights 0123456789ab.\n\n"
        "<!-- end -->\n\nafter\n"
    )
    assert filled_in(once, tmp_path) == once


def test_a_table_of_each_other_kind(tmp_path: Path) -> None:
    outcome = {"variant": "usual", "canvas_loss": 1.0, "next_token_loss": 2.0, "exact": 0.1, "similarity": 0.2}
    assert "| usual | 1.000 | 2.000 | 10.0 | 20.0 | 3.0 |" in rendered(
        written(tmp_path, outcomes=[{**outcome, "forwards": 3.0}])
    )
    point = {"steps": 8, "masks": None, "unmask": "factor", "remask": "none", "critic": False, "exact": 0.1}
    point |= {"similarity": 0.2, "parses": 0.9, "forwards": 4.0, "ms": 30.0, "ms_p95": 60.0}
    assert "masks as usual, factor, none, no critic **(operating point)** | 10.0 | 20.0 | 90.0 | 4.0 |" in rendered(
        written(tmp_path, frontier=[point], best=point)
    )
    floors = [{"confidence": at, "shown": 0.5, "kept": 0.9, "right": 0.3} for at in (0.1, 0.9)]
    shown = rendered(written(tmp_path, floors=floors, floor=0.1, token_error=0.05, fill_error=0.1))
    assert "| 0.10 | 50.0 | 90.0 | 30.0 |" in shown
    assert "0.90" not in shown
    row = {"policy": "edit", "wrong": 4, "repaired": 1, "changed": 2, "right": 10, "spoiled": 1, "exact": 0.1}
    assert "| edit | 4 | 25.0 | 50.0 | 10 | 10.0 | 10.0 | 2.0 |" in rendered(
        written(tmp_path, rows=[{**row, "forwards": 2.0}])
    )
    counts = {"tasks": 9, "changed": 3, "gained": 2, "lost": 1, "mended": 3, "broken": 0}
    counts |= {"wrong": 8, "overwritten": 4, "repaired": 2, "right": 10, "spoiled": 1}
    assert "| block | 9 | 3 | 2 | 1 | 3 | 0 | 8 | 50.0 | 25.0 | 10 | 10.0 |" in rendered(
        written(tmp_path, changes={"block": counts})
    )


def test_what_is_no_result_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("{", "[]", "{}", '{"outcomes": [1]}'):
        (tmp_path / "it.json").write_text(text, encoding="utf-8")
        with pytest.raises(TaskError, match=r"it\.json: not a result"):
            rendered(tmp_path / "it.json")
    assert main(["card", str(tmp_path / "none.md")]) == 2
    assert "none.md: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("document", ["README.md", "model/README.md"])
def test_the_documents_of_this_project_show_what_was_measured(document: str) -> None:
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    assert filled_in(text, path.parent) == text
