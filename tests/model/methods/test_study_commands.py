"""Every study's command line: one sentence about bad input, before anything is trained."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from infill_model.training.methods import d3pm, mamba_speed, mamba_study, plaid, trace_rl

MAINS = (d3pm.main, plaid.main, mamba_study.main, trace_rl.main)


@pytest.fixture
def material(corpus: Path, tokenizer: Path, tmp_path: Path) -> dict[str, Path]:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('{"task_id": "a", "prefix": "x = ", "suffix": "\\n", "gold": "1"}')
    return {"corpus": corpus, "tokenizer": tokenizer, "tasks": tasks, "out": tmp_path / "found.json"}


@pytest.mark.parametrize("main", MAINS, ids=lambda it: it.__module__.rpartition(".")[2])
@pytest.mark.parametrize("missing", ["corpus", "tokenizer", "tasks", "out"])
def test_a_missing_path_is_one_sentence(
    main: Callable[[Sequence[str]], int], missing: str, material: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    material[missing] = material["tasks"].parent / "nowhere" / "x"
    assert main([word for name, it in material.items() for word in (f"--{name}", str(it))]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{main.__module__.rpartition('.')[2]}: ")
    assert said.count("\n") == 1
    assert "nowhere" in said


def test_what_is_no_tokenizer_no_size_no_weight_or_no_file_is_one_sentence(
    material: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for name, it in material.items() for word in (f"--{name}", str(it))]
    cases = [
        (trace_rl.main, ["--tokenizer", str(material["tasks"])], "not a tokenizer"),
        (trace_rl.main, ["--size", "huge"], "unknown size"),
        (trace_rl.main, ["--reward", "beauty=1"], "no weight of a reward"),
        (trace_rl.main, ["--model", str(material["corpus"])], "config.json"),
        (d3pm.main, ["--out", str(material["corpus"])], "it is a folder"),
    ]
    for main, more, expected in cases:
        assert main([*words, *more]) == 2
        said = capsys.readouterr().err
        assert expected in said
        assert said.count("\n") == 1


def test_the_measurement_of_layers_says_where_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mamba_speed.main(["--out", str(tmp_path / "nowhere" / "x.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("flag", ["--steps", "--limit", "--threads"])
def test_counts_are_whole_numbers_of_at_least_one(flag: str, material: dict[str, Path]) -> None:
    words = [word for name, it in material.items() for word in (f"--{name}", str(it))]
    with pytest.raises(SystemExit) as ended:
        plaid.main([*words, flag, "0"])
    assert ended.value.code == 2
