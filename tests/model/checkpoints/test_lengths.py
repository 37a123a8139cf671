"""Confidence offsets for different lengths: fitted, stored beside a checkpoint, and applied."""

import json
import math
from pathlib import Path

import pytest
from tiny import checkpoint

from infill_model.checkpoints.infiller import BLOCK_LENGTHS, LINE_LENGTHS, OpenInfiller
from infill_model.checkpoints.length_search import SIDECAR, Offsets, Tried, chosen, fitted
from infill_model.cli import main
from infill_model.errors import WeightsError
from infill_model.evaluation.studies.lengths import FEWEST, measured
from infill_model.request import Options, Request

LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
BIASED = [
    # Short fills are always more confident, by a factor of about four, and right every third time.
    [Tried(4, 0.8, 1.0 if n % 3 == 0 else 0.2), Tried(8, (0.1 if n % 3 == 0 else 0.3), 0.1 if n % 3 == 0 else 1.0)]
    for n in range(60)
]


def test_fitted_offsets_choose_what_is_right_where_plain_confidence_does_not() -> None:
    offsets = fitted(BIASED)
    assert offsets[4] == 0.0
    assert math.log(0.1 / 0.8) < offsets[8] < math.log(0.3 / 0.8)
    assert chosen(BIASED, {}) == pytest.approx((1 + 2 * 0.2) / 3)
    assert chosen(BIASED, offsets) == pytest.approx(1.0)


def test_nothing_is_shifted_without_a_reason() -> None:
    fair = [[Tried(4, 0.9, 1.0), Tried(8, 0.5, 0.0), Tried(16, 0.4, 0.0)]] * 30
    assert set(fitted(fair).values()) == {0.0}
    assert measured(fair).offsets == {}


def test_only_what_helps_the_other_half_is_kept() -> None:
    kept = measured(BIASED)
    assert kept.offsets
    assert kept.after > kept.before
    misleading = [one for n in range(30) for one in (BIASED[1], [Tried(4, 0.8, 1.0), Tried(8, 0.3, 0.0)])]
    assert measured(misleading).offsets == {}
    assert measured(BIASED[: FEWEST - 1]).offsets == {}


def test_they_come_back_from_the_folder_and_a_broken_file_is_said(tmp_path: Path) -> None:
    assert Offsets.beside(tmp_path) == Offsets()
    some = Offsets({4: 0.0, 8: -1.5}, {16: 0.0, 32: 0.3}, 40)
    some.write(tmp_path)
    assert Offsets.beside(tmp_path) == some
    for wrong in ('{"line": [], "block": {}, "gaps": 1}', '{"line": {"x": 1}, "block": {}, "gaps": 1}', '{"line": {}}'):
        (tmp_path / SIDECAR).write_text(wrong)
        with pytest.raises(WeightsError, match="measure again"):
            Offsets.beside(tmp_path)


@pytest.mark.parametrize("block", [False, True], ids=["line", "block"])
def test_a_checkpoint_with_offsets_chooses_the_length_they_say(block: bool, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it", "dream")
    request = Request(LINE.prefix, LINE.suffix, block=block)
    tried = BLOCK_LENGTHS if block else LINE_LENGTHS
    plain = OpenInfiller.load(folder, device="cpu")
    each = {it.masks: it for it in plain.each_length(request, Options())}
    assert list(each) == list(tried)
    surest = max(each.values(), key=lambda it: it.per_token)
    assert plain.fill(request, Options())[0].texts == surest.fill.texts
    for wanted in tried:
        offs = {it: 0.0 if it == wanted else 50.0 for it in tried}
        Offsets(line={} if block else offs, block=offs if block else {}, gaps=1).write(folder)
        (fill,) = OpenInfiller.load(folder, device="cpu").fill(request, Options())
        assert fill.texts == each[wanted].fill.texts
        assert fill.confidence == pytest.approx(each[wanted].fill.confidence, abs=1e-5)


def test_the_command_measures_and_writes_beside_the_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tasks = checkpoint(tmp_path / "it", "dream"), tmp_path / "tasks.jsonl"
    # The output of the middle length counts as right, so that there is something to find.
    model = OpenInfiller.load(folder, device="cpu")
    rows = []
    for n in range(2 * FEWEST):
        request = Request(f"value{n} = f({n}, ", ")\n")
        gold = {it.masks: it.fill for it in model.each_length(request, Options(steps=2))}[8].texts[0]
        rows.append({"task_id": str(n), "prefix": request.prefix, "suffix": request.suffix, "gold": [gold]})
    tasks.write_text("".join(json.dumps(it) + "\n" for it in rows))
    words = ["lengths", str(folder), str(tasks), "--device", "cpu", "--steps", "2"]
    assert main.main([*words, "--dry-run"]) == 0
    assert not (folder / SIDECAR).exists()
    assert main.main(words) == 0
    said = capsys.readouterr().out
    assert f"line: {2 * FEWEST} gaps; similarity" in said
    assert f"block: 0 of the {FEWEST} gaps needed" in said
    offsets = Offsets.beside(folder)
    assert offsets.gaps == 2 * FEWEST
    assert offsets.line[8] < offsets.line[16]


def test_the_command_refuses_a_model_that_finds_its_length_and_tasks_without_gold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('{"task_id": "1", "prefix": "a", "suffix": "b"}\n')
    folder = checkpoint(tmp_path / "it", "sdar")
    assert main.main(["lengths", str(folder), str(tasks)]) == 2
    assert "no task has exactly one gap with a gold" in capsys.readouterr().err
    tasks.write_text('{"task_id": "1", "prefix": "a", "suffix": "b", "gold": ["c"]}\n')
    assert main.main(["lengths", str(folder), str(tasks), "--device", "cpu"]) == 2
    assert "finds the length of a fill by itself" in capsys.readouterr().err
