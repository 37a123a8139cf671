"""`bench tasks` and `bench sweep`: real tasks, the real engine, the embedded model."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_lsp.bench import documents, grids, sweep
from infill_lsp.bench import tasks as bench_tasks
from infill_lsp.bench.grids import Grid
from infill_lsp.bench.sweep import SweepPoint, operating_point
from infill_lsp.cli.main import main
from infill_lsp.engine.client import Engine
from infill_model.denoising.policies import remask_policy, unmask_policy
from infill_model.evaluation.tasks.tasks import Task
from infill_model.infill.guidance import Guide
from infill_model.request import Fill, Options, Timing

TASKS = [
    {"task_id": "a", "kind": "rest", "prefix": "first = 1\nsecond = fir", "suffix": "\nprint(first)\n", "gold": "st"},
    {"task_id": "b", "kind": "rest", "prefix": "def f(name):\n    return na", "suffix": "\n", "gold": "me"},
    {"task_id": "c", "kind": "two", "prefix": "x = (", "between": [" + "], "suffix": ")\n", "gold": ["1", "2"]},
]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, though a background job ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    path.write_text("\n".join(map(json.dumps, TASKS)))
    return path


def test_tasks_are_filled_as_an_editor_would_have_them(tasks: Path, tmp_path: Path) -> None:
    out = tmp_path / "server.jsonl"
    assert main(["bench", "tasks", str(tasks), "--out", str(out), "--steps", "4", "--n", "3", "--threads", "1"]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [it["task_id"] for it in rows] == ["a", "b", "c"]
    assert all(it["forwards"] and it["ms"] > 0 for it in rows[:2])
    assert any(it["tokens"] for it in rows)
    made = json.loads((tmp_path / "server.run.json").read_text())
    assert made["method"] == "server"
    assert made["options"]["steps"] == 4
    assert made["options"]["n"] == 3
    assert made["options"]["critic"] is True
    assert made["record"]["command"].startswith("infill-lsp bench tasks tasks.jsonl")
    assert len(made["record"]["model"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("text", "confidence", "shown"), [("1", 0.5, True), ("1", 0.05, False), ("1 +", 0.5, False), ("", 0.5, False)]
)
def test_a_server_shows_what_is_sure_and_breaks_no_syntax(text: str, confidence: float, shown: bool) -> None:
    task = Task("a", "x = ", "\ny = 2\n", gold=("1",))
    fill = Fill((text,), (), confidence, None, 1, 1, Timing(0.0, 0.0, 0.0), "complete")
    assert bench_tasks.is_shown(task, fill.texts, fill.confidence) is shown


def test_a_file_that_holds_no_tasks_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    for command in (["tasks", "--out", str(tmp_path / "p.jsonl")], ["sweep", "--out", str(tmp_path / "s")]):
        assert main(["bench", command[0], str(tmp_path / "empty.jsonl"), *command[1:]]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_sweep_measures_every_combination(
    tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = Grid(steps=(1, 8), masks=(None,), unmask=("threshold:0.9:0.7",), remask=("none",), critic=(True, False))
    monkeypatch.setattr(sweep, "GRIDS", {"usual": small.options})
    assert main(["bench", "sweep", str(tasks), "--out", str(tmp_path / "sweep"), "--threads", "1"]) == 0
    found = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert {(it["steps"], it["critic"]) for it in found["measured"]} == {(1, True), (1, False), (8, True), (8, False)}
    assert found["tasks"] == 3
    assert found["best"] in found["measured"]
    assert (tmp_path / "sweep" / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert "The operating point: steps" in capsys.readouterr().out


@pytest.mark.usefixtures("ctrl_c")
def test_predictions_made_before_ctrl_c_are_kept(
    tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = bench_tasks.first

    async def until_ctrl_c(engine: Engine, task: Task, options: Options) -> Fill:
        if task.task_id == "b":
            signal.raise_signal(signal.SIGINT)
        return await ask(engine, task, options)

    monkeypatch.setattr(bench_tasks, "first", until_ctrl_c)
    out = tmp_path / "predictions.jsonl"
    assert main(["bench", "tasks", str(tasks), "--out", str(out), "--threads", "1"]) == 130
    assert [json.loads(it)["task_id"] for it in out.read_text().splitlines()] == ["a"]
    assert "Stopped after 1 of 3 tasks." in capsys.readouterr().err


@pytest.mark.usefixtures("ctrl_c")
def test_a_sweep_that_is_stopped_has_the_results_so_far(
    tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep, "GRIDS", {"usual": lambda: iter([Options(), Options(steps=1)])})
    measure = sweep._result

    async def until_ctrl_c(engine: Engine, task: Task, options: Options) -> sweep._Result:
        if task.task_id == "b" and options.steps == 1:
            signal.raise_signal(signal.SIGINT)
        return await measure(engine, task, options)

    monkeypatch.setattr(sweep, "_result", until_ctrl_c)
    assert main(["bench", "sweep", str(tasks), "--out", str(tmp_path), "--threads", "1"]) == 130
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert (found["tasks"], len(found["measured"])) == (1, 2)
    assert "Stopped after 1 of 3 tasks." in capsys.readouterr().err


def test_each_method_can_be_read_and_differs_from_the_others() -> None:
    for grid in grids.GRIDS.values():
        options = list(grid())
        assert len(set(options)) == len(options)
    for options in grids.methods():
        assert not options.retrieve
        unmask_policy(options.unmask)
        remask_policy(options.remask)
        Guide.of(options.guide)


def test_quality_goes_first_and_then_speed() -> None:
    def measured(quality: float, ms: float, parses: float = 1.0) -> SweepPoint:
        return SweepPoint(4, None, "u", "none", True, "none", True, quality, quality, parses, ms, ms, 4.0)

    best, nearly, fast = measured(0.5, 90), measured(0.49, 40), measured(0.4, 10)
    assert operating_point([best, nearly, fast]) == nearly
    assert operating_point([best, nearly, fast, measured(0.5, 20, parses=0.8)]) == nearly


def test_documents_and_folders_are_measured_beside_their_bounds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(documents, "KINDS", (documents.DocumentKind("short lines", "x = 1\n", 1, 20),))
    command = ["bench", "documents", "--keys", "3", "--files", "50", "--idle", "1", "--threads", "1"]
    assert main([*command, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert [it["unit"] for it in figures] == ["ms", "ms", "x", "ms", "ms", "%"]
    assert all(it["value"] >= 0 for it in figures)
    assert all(it["kept"] == (it["value"] <= it["bound"]) for it in figures)
