"""Confidence against correctness, on cases worked out by hand."""

import json
from pathlib import Path

import pytest

from infill_model.cli.main import main
from infill_model.evaluation.filling.predict import TaskPrediction
from infill_model.evaluation.studies.calibration import bins, error, judged_tokens
from infill_model.evaluation.tasks.tasks import Task


def test_a_token_is_right_where_the_gold_has_all_of_it() -> None:
    task = Task("a", "x = ", "\n", gold=("path.join(a, b)",))
    written = TaskPrediction(
        "a", ("path.joined(b)",), tokens=(("path", 0.9), (".joined", 0.5), ("(", 0.8), ("b)", 0.7))
    )
    assert list(judged_tokens(task, written)) == [(0.9, True), (0.5, False), (0.8, True), (0.7, True)]


def test_blank_tokens_say_nothing() -> None:
    assert (
        list(judged_tokens(Task("a", "", "", gold=("x",)), TaskPrediction("a", ("  ",), tokens=(("  ", 0.4),)))) == []
    )


def test_bins_and_their_error() -> None:
    found = bins([(0.95, True), (1.0, True), (0.91, False), (0.12, False)])
    assert [(it.low, it.count, it.right) for it in found] == [(0.1, 1, 0.0), (0.9, 3, 0.6667)]
    assert error(found) == pytest.approx((0.12 + 3 * abs(0.9533 - 0.6667)) / 4, abs=1e-4)
    assert error(()) == 0.0


def test_the_floor_hides_few_right_fills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [{"task_id": str(n), "prefix": "x = ", "suffix": "\n", "gold": "1"} for n in range(40)]
    rows = [
        {"task_id": str(n), "completion": "1" if n % 2 else "2", "confidence": sure, "tokens": [["1", sure]]}
        for n in range(40)
        for sure in [(0.62 if n % 2 else 0.33) if n else 0.9]
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    files = [str(tmp_path / "t.jsonl"), str(tmp_path / "p.jsonl")]
    flags = ["--json", str(tmp_path / "c.json"), "--plot", str(tmp_path / "c.png")]
    assert main(["calibrate", *files, *flags]) == 0
    assert "A floor of 0.60 shows 52% of the fills, 100% of the right ones; 95%" in capsys.readouterr().out
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["floor"] == 0.6
    assert found["record"]["command"].startswith("infill-model calibrate")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_predictions_without_tokens_cannot_be_calibrated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.jsonl").write_text('{"task_id": "a", "prefix": "x = ", "suffix": "\\n", "gold": "1"}\n')
    (tmp_path / "p.jsonl").write_text('{"task_id": "a", "completion": "1"}\n')
    assert main(["calibrate", str(tmp_path / "t.jsonl"), str(tmp_path / "p.jsonl")]) == 2
    assert "no token confidences" in capsys.readouterr().err
