import gzip
import json
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tiny_qwen2 import write_gguf

from infill_model.cli.main import main
from infill_model.coder.infiller import CoderInfiller
from infill_model.packing import denoiser_weights

CODE = "".join(f"def function_{n}(first):\n    result = first * {n}\n    return result\n\n\n" for n in range(40))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    row = {"project": "p", "path": "a.py", "language": "python", "weight": 1.0, "text": CODE}
    (tmp_path / "corpus").mkdir()
    for split in ("train", "heldout"):
        with gzip.open(tmp_path / "corpus" / f"{split}.jsonl.gz", "wt") as file:
            file.write(json.dumps(row) + "\n")
    return tmp_path / "corpus"


def test_an_update_and_then_a_denoiser_are_trained_by_command_and_drafted_with(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sequence of a user: tune, convert, train the denoiser twice, convert again, fill."""
    monkeypatch.setattr("infill_model.training.tuning.tune_denoiser.LONGEST", 2000)  # Its tokens are single letters.
    gguf, run, file = write_gguf(tmp_path / "tiny.gguf"), tmp_path / "run", tmp_path / "tiny.safetensors"

    def command(*words: str | Path) -> str:
        assert main([str(it) for it in words]) == 0
        return capsys.readouterr().out

    command("tune", "--gguf", gguf, "--corpus", corpus, "--run", run, "--minutes", "0.01", "--rank", "2")
    command("convert", "--gguf", gguf, "--update", run / "update", "--out", file)
    words = ("tune-denoiser", "--model", file, "--corpus", corpus, "--run", run / "update", "--rows", "1")
    command(*words, "--minutes", "0.02", "--rate", "0.01")
    first = load_file(run / "update" / denoiser_weights.FILE)
    said = command(*words, "--minutes", "0.05", "--rate", "0.01")
    again = load_file(run / "update" / denoiser_weights.FILE)
    assert (first["canvas"] != again["canvas"]).any()
    steps = [int(it) for it in re.findall(r"step (\d+)", said)]
    assert steps[-1] > json.loads((run / "update" / "state.json").read_text())["step"] - 1 > 0
    assert 1.0 <= float(re.findall(r"committed ([\d.]+)", said)[-1]) <= 6.0
    command("convert", "--gguf", gguf, "--update", run / "update", "--out", file)
    assert CoderInfiller.load(file).denoiser is not None
