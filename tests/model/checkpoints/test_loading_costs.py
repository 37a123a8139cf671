"""What loading a model costs: neither torch's compiler, nor memory that no step uses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from infill_model.errors import WeightsError
from infill_model.files.heap import given_back
from infill_model.packing.converted import _Stored
from infill_model.transformer.products import _halved

LOADED = """
import sys
from infill_model.checkpoints.loading import load
from infill_model.request import Options, Request
load().fill(Request("def f(a):\\n    return ", "\\n"), Options())
print("torch._dynamo" in sys.modules)
peak = [int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(*peak)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of memory")
def test_the_embedded_model_takes_neither_the_compiler_nor_400_mb() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", LOADED], capture_output=True, text=True, check=True)
    compiler, peak = done.stdout.split()
    assert compiler == "False", "importing it takes two seconds"
    assert 100 < int(peak) < 400


def test_stored_weights_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    weights = {
        "a": torch.arange(6, dtype=torch.int8).reshape(2, 3),
        "b": torch.arange(4, dtype=torch.int32),
        "c": torch.tensor([0.5, -1.5]),
        "empty": torch.zeros(0, 4),
    }
    save_file(weights, path, {"format": "1"})
    stored = _Stored(path)
    assert set(stored) == set(weights)
    assert all(torch.equal(stored[name], it) and stored[name].dtype == it.dtype for name, it in weights.items())
    assert "d" not in stored
    with pytest.raises(KeyError):
        stored["d"]


def test_weights_that_are_replaced_meanwhile_are_not_mixed(tmp_path: Path) -> None:
    path, other = tmp_path / "weights.safetensors", tmp_path / "other.safetensors"
    for file in (path, other):
        save_file({"a": torch.ones(2), "b": torch.ones(3)}, file)
    stored = _Stored(path)
    assert stored["a"].tolist() == [1, 1]
    other.replace(path)
    with pytest.raises(WeightsError, match="was replaced while it was read"):
        stored["b"]


def test_halves_are_rounded_as_floats_would_be() -> None:
    every = torch.arange(-128, 128).to(torch.int8)
    assert torch.equal(_halved(every), (every.float() / 2).round().to(torch.int8))


def test_the_heap_keeps_freed_memory_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "MALLOC_MMAP_THRESHOLD_", "no number")
    with pytest.raises(ZeroDivisionError), given_back():
        _ = 1 / 0
    with given_back():
        held = torch.zeros(1 << 20)
    assert held.sum() == 0
