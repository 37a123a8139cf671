"""Real training at the tiny size: the loss falls, a killed run resumes to the same losses, the export loads."""

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infill_model.cli.main import main
from infill_model.data.corpus import read_corpus
from infill_model.embedded.network import Network, Shape
from infill_model.errors import TrainingError, WeightsError
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request
from infill_model.training import checkpoint
from infill_model.training.curves import read_log
from infill_model.training.loop import Trainer, TrainingPlan
from infill_model.training.optimiser import Optimiser, orthogonalise, rate_share
from infill_model.vocabulary import Vocabulary

LEARNS = TrainingPlan(steps=200, rows=8, warmup=10, compile=False, workers=0, evaluate_every=0, precision="fp32")
CANVAS_BOUND = 4.3
"""Nats per canvas token after these steps; a uniform guess costs ln 512 = 6.2."""


def trainer(run: Path, plan: TrainingPlan, vocabulary: Vocabulary, shape: Shape, corpus: Path) -> Trainer:
    run.mkdir(exist_ok=True)
    return Trainer(run, plan, vocabulary, shape, list(read_corpus(corpus, "train")))


@pytest.mark.slow
def test_the_loss_falls_below_its_bound(tmp_path: Path, vocabulary: Vocabulary, shape: Shape, corpus: Path) -> None:
    reports = list(trainer(tmp_path / "run", LEARNS, vocabulary, shape, corpus).train())
    last = reports[-15:]
    assert sum(it.canvas_loss for it in last) / len(last) < CANVAS_BOUND
    assert sum(it.next_token_loss for it in last) / len(last) < math.log(512) - 1.5
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [it["step"] for it in log] == list(range(1, 201))


def command(corpus: Path, tokenizer: Path, run: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "infill_model.cli", "train", "--size", "tiny", "--rows", "4", "--steps", "30"),
        *("--no-compile", "--workers", "0", "--save-minutes", "0", "--precision", "fp32", "--decay", "0.2"),
        *("--corpus", str(corpus), "--tokenizer", str(tokenizer), "--run", str(run)),
    ]


def log_of(run: Path) -> list[dict[str, float]]:
    path = run / "log.jsonl"
    return [json.loads(it) for it in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_losses(tmp_path: Path, corpus: Path, tokenizer: Path) -> None:
    subprocess.run(command(corpus, tokenizer, tmp_path / "whole"), check=True, capture_output=True)
    killed = subprocess.Popen(command(corpus, tokenizer, tmp_path / "cut"), stdout=subprocess.DEVNULL)
    while len(log_of(tmp_path / "cut")) < 8:
        assert killed.poll() is None
        time.sleep(0.01)  # Waits for the eighth step.
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    subprocess.run(command(corpus, tokenizer, tmp_path / "cut"), check=True, capture_output=True)
    whole = {it["step"]: it for it in log_of(tmp_path / "whole")}
    cut = {it["step"]: it for it in log_of(tmp_path / "cut")}
    assert whole.keys() == cut.keys()
    for step, row in whole.items():
        assert cut[step]["canvas_loss"] == pytest.approx(row["canvas_loss"], abs=1e-3)

    exported = [
        *(sys.executable, "-m", "infill_model.cli", "export", "--size", "tiny", "--run", str(tmp_path / "cut")),
        *("--tokenizer", str(tokenizer), "--out", str(tmp_path / "model")),
    ]
    subprocess.run(exported, check=True, capture_output=True)
    infiller = Infiller.load(tmp_path / "model", device="cpu")
    assert infiller.info.trained_tokens == whole[30]["tokens"]
    assert infiller.fill(Request("import ", "\n"), Options())[0].stopped == "complete"


def test_a_run_may_start_from_a_published_model(
    tmp_path: Path, model_folder: Path, vocabulary: Vocabulary, shape: Shape, corpus: Path, network: Network
) -> None:
    files = list(read_corpus(corpus, "train"))
    run = Trainer(tmp_path, LEARNS, vocabulary, shape, files, init=model_folder)
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, dict(run.network.named_parameters())[name])
    with pytest.raises(WeightsError, match="another shape"):
        Trainer(tmp_path, LEARNS, vocabulary, replace(shape, context=64), files, init=model_folder)


def test_the_log_becomes_a_picture_in_which_each_step_counts_once(tmp_path: Path) -> None:
    rows = [{"step": n, "tokens": 1000 * n, "canvas_loss": 5 / n, "next_token_loss": 6 / n} for n in (1, 2, 3, 2, 3, 4)]
    rows[-1] |= {"held_out_canvas_loss": 1.0, "held_out_next_token_loss": 2.0}
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [it["step"] for it in read_log(tmp_path / "log.jsonl")] == [1, 2, 3, 4]
    assert main(["curves", "--run", str(tmp_path), "--out", str(tmp_path / "curves.png")]) == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert main(["curves", "--run", str(tmp_path / "none"), "--out", str(tmp_path / "x.png")]) == 2


def test_a_missing_package_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "infill_model.training.curves", raising=False)
    assert main(["curves", "--help"]) == 2
    assert "matplotlib is not installed; run `pip install 'infill-lsp[train]'`" in capsys.readouterr().err


def test_half_a_checkpoint_is_not_resumed_from(
    tmp_path: Path, network: Network, vocabulary: Vocabulary, shape: Shape, corpus: Path
) -> None:
    fresh = Network(shape).initialise(0)
    good = checkpoint.save(tmp_path, checkpoint.TrainingProgress(step=3), fresh, fresh, Optimiser(fresh))
    (tmp_path / "step-0000009.partial").mkdir()
    assert checkpoint.latest(tmp_path) == good
    weights = good / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="cannot resume from this checkpoint"):
        trainer(tmp_path, LEARNS, vocabulary, shape, corpus)


def test_only_the_newest_checkpoints_and_the_milestones_stay(tmp_path: Path, shape: Shape) -> None:
    fresh = Network(shape).initialise(0)
    for step in range(1, 7):
        checkpoint.save(
            tmp_path, checkpoint.TrainingProgress(step=step), fresh, fresh, Optimiser(fresh), keep=step == 2
        )
    assert [it.name for it in checkpoint.checkpoints(tmp_path)] == ["step-0000002", "step-0000005", "step-0000006"]


def test_the_rate_rises_stays_and_ends_at_zero() -> None:
    rates = [rate_share(step, warmup=10, steps=100, decay=0.25) for step in range(101)]
    assert rates[0] == 0.1
    assert rates[9] == rates[74] == 1.0
    assert rates[100] == 0.0
    assert rates[76:] == sorted(rates[76:], reverse=True)


def test_muon_updates_are_nearly_orthogonal() -> None:
    matrices = torch.randn(2, 24, 40, generator=torch.Generator().manual_seed(0))
    singular = torch.linalg.svdvals(orthogonalise(matrices))
    assert 0.6 < singular.min() <= singular.max() < 1.3
    assert torch.allclose(orthogonalise(matrices.mT), orthogonalise(matrices).mT, atol=1e-4)
