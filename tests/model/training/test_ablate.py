"""Variants of the recipe, really trained for a few steps."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infill_model.cli.main import main
from infill_model.training.ablate import VARIANTS, Recipe
from infill_model.training.loop import TrainingPlan, shape_of
from infill_model.training.rows import RowNoise

USUAL = Recipe(TrainingPlan(steps=10), RowNoise(), shape_of("small"))


def test_each_variant_differs_from_the_usual_in_its_one_thing() -> None:
    changed = {name: variant(USUAL) for name, variant in VARIANTS.items()}
    assert changed.pop("usual") == USUAL
    assert all(it != USUAL for it in changed.values())
    assert len(set(map(repr, changed.values()))) == len(changed)
    layers = {it.shape.encoder_layers + it.shape.denoiser_layers for it in changed.values()}
    assert layers == {USUAL.shape.encoder_layers + USUAL.shape.denoiser_layers}
    assert changed["no next-token loss"] == replace(USUAL, plan=replace(USUAL.plan, next_token_weight=0.0))


def test_variants_side_by_side_and_gone_on_with(
    corpus: Path, tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = {"task_id": "a", "prefix": "def f(a, b):\n    return ", "suffix": "\n", "gold": "a + b"}
    (tmp_path / "t.jsonl").write_text(json.dumps(task))
    both = tmp_path / "corpus"
    both.mkdir()
    for split in ("train", "heldout"):  # The small corpus has no project to hold out.
        shutil.copyfile(corpus / "train.jsonl.gz", both / f"{split}.jsonl.gz")
    command = ["ablate", "--corpus", str(both), "--tokenizer", str(tokenizer), "--tasks", str(tmp_path / "t.jsonl")]
    command += ["--out", str(tmp_path / "out"), "--steps", "3", "--size", "tiny", "--rows", "2", "--no-compile"]
    assert main([*command, "--variants", "usual"]) == 0
    first = json.loads((tmp_path / "out/ablations.json").read_text())["outcomes"]
    assert main([*command, "--variants", "usual", "no next-token loss"]) == 0
    found = json.loads((tmp_path / "out/ablations.json").read_text())["outcomes"]
    assert found[:1] == first
    assert [it["variant"] for it in found] == ["usual", "no next-token loss"]
    assert all(it["canvas_loss"] > 0 and it["tokens"] > 0 for it in found)
    assert found[0]["next_token_loss"] != found[1]["next_token_loss"]
    assert "no next-token loss" in capsys.readouterr().out
