import argparse
import gzip
import hashlib
import json
import random
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from tiny_qwen2 import write_gguf

from infill_model.data.corpus import CorpusFile
from infill_model.errors import TrainingError
from infill_model.packing import low_rank
from infill_model.packing.fim import FimMarks
from infill_model.training.tuning import tune
from infill_model.training.tuning.fim_batches import FimBatches
from infill_model.training.tuning.fim_rows import KINDS, PREFIX_TOKENS, RowCutter, batch, cut

CODE = "".join(
    f"def function_{n}(first, second):\n    result_{n} = first * {n}\n    return result_{n}\n\n\n" for n in range(30)
)
MARKS = FimMarks(1001, 1002, 1003, 1004, 1005, 1006)


def _encode(text: str) -> list[int]:
    return [ord(it) for it in text]


def test_a_gap_is_cut_at_characters_and_holds_something() -> None:
    rng = random.Random(1)
    spans = [cut(CODE, rng) for _ in range(400)]
    texts = [CODE[a:b] for a, b in filter(None, spans)]
    assert all(it.strip() for it in texts)
    assert any("\n" in it for it in texts)
    assert sum("\n" not in it for it in texts) > len(texts) / 2
    assert any(CODE[a - 1].isalnum() and CODE[a].isalnum() for a, _ in filter(None, spans))  # Within a name.
    assert any(CODE[a] == "\n" for a, _ in filter(None, spans)), "at the end of a line"
    assert any(CODE[a - 1 : a + 1] == "\n " for a, _ in filter(None, spans)), "before indentation"


def test_a_row_is_the_code_behind_then_before_then_the_gap() -> None:
    rng = random.Random(2)
    cutter = RowCutter(_encode, MARKS)
    for _ in range(100):
        row = cutter.row(CODE, CODE, rng)
        assert row is not None
        ids = row.ids
        assert ids[0] == MARKS.prefix
        assert ids[-1] == MARKS.end
        suffix, middle = ids.index(MARKS.suffix), ids.index(MARKS.middle)
        gap = "".join(map(chr, ids[-row.gap : -1]))
        above = "".join(map(chr, ids[middle + 1 : -row.gap]))
        below = ids[suffix + 1 : middle]
        assert above + gap in CODE
        if MARKS.other_gap not in below:
            assert above + gap + "".join(map(chr, below)) in CODE
        assert row.weights[-row.gap :] == [1.0] * row.gap
        assert not any(row.weights[: middle + 1])
        assert sum(it > 0 for it in row.weights) <= PREFIX_TOKENS + row.gap


def test_padding_weighs_nothing() -> None:
    rng = random.Random(3)
    cutter = RowCutter(_encode, MARKS)
    rows = [it for it in (cutter.row(CODE, "", rng) for _ in range(5)) if it]
    ids, weights, in_gap = batch(rows, MARKS.end)
    for number, row in enumerate(rows):
        assert ids[number, : len(row.ids)].tolist() == row.ids
        assert weights[number, len(row.ids) :].sum() == 0
        assert int(in_gap[number].sum()) == row.gap


def test_all_kinds_are_drawn() -> None:
    assert sum(KINDS.values()) == pytest.approx(1)


def _corpus(folder: Path) -> Path:
    folder.mkdir()
    row = {"project": "p", "path": "a.py", "language": "python", "weight": 1.0, "text": CODE}
    for split in ("train", "heldout"):
        with gzip.open(folder / f"{split}.jsonl.gz", "wt") as file:
            file.write(json.dumps(row) + "\n")
    return folder


def _flags(tmp_path: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    tune.add_flags(parser)
    words = [
        "--gguf",
        str(tmp_path / "tiny.gguf"),
        "--corpus",
        str(tmp_path / "corpus"),
        "--run",
        str(tmp_path / "run"),
    ]
    return parser.parse_args([*words, "--rank", "4", "--rate", "0.01", *more])


def test_a_run_learns_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    _corpus(tmp_path / "corpus")
    first = tune.Tuner(_flags(tmp_path, "--minutes", "0.05"))
    before = first._evaluate()[0]
    first.run()
    assert first.state.step > 3
    second = tune.Tuner(_flags(tmp_path, "--minutes", "0.02"))
    assert second.state == first.state
    assert second._evaluate()[0] == pytest.approx(first._evaluate()[0], abs=1e-4)
    second.run()
    assert second.state.step > first.state.step
    assert second._evaluate()[0] < before
    stored = low_rank.load(tmp_path / "run" / "update")
    own = second.updates["model.layers.0.mlp.up_proj"].a.detach()
    assert torch.equal(stored["model.layers.0.mlp.up_proj"][0], own.bfloat16().float())
    assert torch.equal(tune.Tuner(_flags(tmp_path)).updates["model.layers.0.mlp.up_proj"].a, own), "in full precision"
    parent = hashlib.sha256((tmp_path / "tiny.gguf").read_bytes()).hexdigest()
    assert (tmp_path / "run/update/parent.sha256").read_text().strip() == parent


def test_only_gaps_teach_how_probable_an_end_is(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    _corpus(tmp_path / "corpus")
    tuner = tune.Tuner(_flags(tmp_path))
    row = tuner.cutter.row(CODE, "", random.Random(1))
    assert row is not None
    before = replace(row, weights=[*row.weights[: -row.gap], *[0.0] * row.gap])
    within = replace(row, weights=[*[0.0] * (len(row.ids) - row.gap), *row.weights[-row.gap :]])
    end = tuner.inverse[tuner.marks.end]
    for rows, taught in ((before, False), (within, True)):
        tuner.head.requires_grad_().grad = None
        tuner._losses([rows])[0].backward()
        assert tuner.head.grad is not None
        assert bool(tuner.head.grad[end].any()) is taught
        assert tuner.head.grad.any()


def test_rows_that_do_not_fit_together_give_the_same_gradients_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    _corpus(tmp_path / "corpus")
    tuner = tune.Tuner(_flags(tmp_path, "--rows", "5"))
    torch.nn.init.normal_(tuner.parameters[1])  # With B at zero, A has no gradient.
    rows = [it for it in (tuner.cutter.row(CODE, "", random.Random(it)) for it in range(5)) if it]
    loss = tuner._gradients(rows)
    whole = [it.grad for it in tuner.parameters]
    plain = tuner.network.forward

    def short_of_memory(ids: torch.Tensor, positions: torch.Tensor) -> object:
        if len(ids) > 2:
            raise torch.OutOfMemoryError
        return plain(ids, positions)

    monkeypatch.setattr(tuner.network, "forward", short_of_memory)
    assert tuner._gradients(rows) == pytest.approx(loss, rel=1e-4)
    for a, b in zip(whole, tuner.parameters, strict=True):
        assert a is not None
        assert b.grad is not None
        assert torch.allclose(a, b.grad, atol=1e-5)


def test_workers_cut_other_rows_than_each_other_and_than_before(tmp_path: Path) -> None:
    cutter, files = RowCutter(_encode, MARKS), [CorpusFile("p", "a.py", "python", 1.0, CODE)]
    drawn = [
        [tuple(row.ids) for rows in islice(FimBatches(files, cutter, 4, seed).loader(workers), 6) for row in rows]
        for seed, workers in ((1, 2), (1, 2), (1, 0), (2, 0))
    ]
    assert drawn[0] == drawn[1]
    assert [len(set(it)) for it in drawn] == [24] * 4
    # The first of two workers draws the same as a loader without workers.
    assert [len(set(drawn[0]) & set(it)) for it in drawn[2:]] == [12, 0]
    lengths = [len(it) for it in drawn[2]]
    assert sum(max(lengths[it : it + 4]) - min(lengths[it : it + 4]) for it in range(0, 24, 4)) < sum(lengths) / 4


def test_int8_is_for_a_cpu(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--int8 needs --device cpu"):
        tune.Tuner(_flags(tmp_path, "--device", "meta", "--int8"))
    assert not (tmp_path / "run").exists(), "refused before anything is read or written"
