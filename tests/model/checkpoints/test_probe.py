"""What is known about a network size before download: its weights, and the speed of random ones."""

import json

import pytest
import torch

from infill_model.catalogue.catalogue import ENTRIES
from infill_model.catalogue.sizes import SIZES, Size, size_of, weight_bytes
from infill_model.checkpoints import probe as probing
from infill_model.checkpoints.probe import Bench, probe
from infill_model.errors import WeightsError

TINY = Size("tiny", 512, 64, 4, 4, 2, 16, 96, tied=True)


@pytest.mark.parametrize(("name", "billions"), [("0.5B", 0.494), ("1.5B", 1.54), ("7B", 7.62), ("8B", 8.02)])
def test_sizes_have_the_published_numbers_of_parameters(name: str, billions: float) -> None:
    size = next(it for it in SIZES if it.name == name)
    assert size.parameters / 1e9 == pytest.approx(billions, rel=0.005)


def test_every_checkpoint_of_the_catalogue_that_is_no_mixture_and_common_has_its_size() -> None:
    sizes = {it.name: size_of(it.parameters) for it in ENTRIES}
    found = {name: it.name for name, it in sizes.items() if it}
    assert found["fredzzp/open-dcoder-0.5B"] == "0.5B"
    assert found["Dream-org/Dream-Coder-v0-Instruct-7B"] == "7B"
    assert found["GSAI-ML/LLaDA-8B-Base"] == "8B"
    assert "inclusionAI/LLaDA2.0-mini" not in found


def test_packed_weights_leave_embeddings_as_they_are() -> None:
    size = size_of(7.6e9)
    assert size is not None
    assert weight_bytes(7.6e9, "bfloat16") == pytest.approx(15.2e9)
    assert size.parameters * 0.56 < weight_bytes(7.6e9, "int4") < 6.2e9 < weight_bytes(7.6e9, "int8") < 8.9e9


def test_one_layer_stands_for_all_and_an_eighth_of_the_head_for_the_whole() -> None:
    whole, part = (Bench.of(TINY, torch.float32, "cpu", whole=it) for it in (True, False))
    assert (len(whole.network.model.layers), whole.times, whole.head_times) == (4, 1, 1)
    assert (len(part.network.model.layers), part.times, part.head_times) == (1, 4, 8)
    assert sum(it.numel() for it in part.network.parameters()) < 0.4 * sum(
        it.numel() for it in whole.network.parameters()
    )
    layer = sum(it.numel() for it in part.network.model.layers.parameters() if it.dim() > 1)
    assert layer == TINY.layer_weights


def test_a_probe_says_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "CONTEXT", 128)
    found = probe(TINY, "cpu", "auto")
    assert (found.size, found.dtype, found.whole, found.compiled) == ("tiny", "float32", False, False)
    assert set(found.step_ms) == set(found.uncached_ms) == {"32", "64"}
    assert min(*found.step_ms.values(), *found.uncached_ms.values(), found.prefill_ms, found.bandwidth) > 0
    assert 0 < found.floor_share < 1
    assert probe(TINY, "cpu", "auto", whole=True).whole


def test_packed_weights_are_not_timed() -> None:
    with pytest.raises(WeightsError, match="the probe times float32"):
        probe(TINY, "cpu", "int8")


def test_without_sizes_the_device_and_its_memory_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert probing.main(["--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["device"] == "cpu"
    assert probing.main(["--device", "tpu"]) == 2
    assert "'tpu' is not available" in capsys.readouterr().err
