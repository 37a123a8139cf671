"""A model folder is read completely or rejected with one sentence."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from infill_model.embedded import folder, quantize
from infill_model.embedded.folder import ModelConfig
from infill_model.embedded.network import Network, Shape
from infill_model.errors import InfillModelError, WeightsError
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def test_what_is_written_is_read(copy: Path, network: Network) -> None:
    config, vocabulary, weights = folder.read(copy)
    assert config.languages == ("python",)
    assert vocabulary.size == network.shape.vocabulary
    read = folder.network(config, weights, copy)
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, dict(read.named_parameters())[name])


def set_config(path: Path, **values: object) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | values))


def break_shape(path: Path, **sizes: object) -> None:
    set_config(path, shape=json.loads((path / "config.json").read_text())["shape"] | sizes)


def truncate(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def spoil_weights(path: Path, value: float) -> None:
    file = path / "model.safetensors"
    weights = load_file(file)
    max(weights.values(), key=lambda it: it.numel()).view(-1)[-1] = value
    save_file(weights, file)


BROKEN = {
    "no config": (lambda it: (it / "config.json").unlink(), "cannot read the model's configuration"),
    "no tokenizer": (lambda it: (it / "tokenizer.json").unlink(), "cannot read the tokenizer"),
    "no weights": (lambda it: (it / "model.safetensors").unlink(), "weights are missing"),
    "config not JSON": (lambda it: (it / "config.json").write_text("{"), "not valid JSON"),
    "config too deep": (lambda it: (it / "config.json").write_text("[" * 100_000), "not valid JSON"),
    "weights a pipe": (lambda it: as_pipe(it / "model.safetensors"), "model.safetensors: is not a regular file"),
    "config a pipe": (lambda it: as_pipe(it / "config.json"), "config.json: is not a regular file"),
    "weights no numbers": (lambda it: spoil_weights(it, float("nan")), "contains values that are not finite"),
    "weights infinite": (lambda it: spoil_weights(it, float("-inf")), "contains values that are not finite"),
    "config a list": (lambda it: (it / "config.json").write_text("[]"), "model_type is None"),
    "another model": (lambda it: set_config(it, model_type="llama"), "model_type is 'llama'"),
    "no shape": (lambda it: set_config(it, shape=3), "missing or wrong"),
    "width zero": (lambda it: break_shape(it, width=0), "out of range"),
    "width text": (lambda it: break_shape(it, width="64"), "missing or wrong"),
    "uneven heads": (lambda it: break_shape(it, heads=3, kv_heads=2), "multiple of kv_heads"),
    "another width": (lambda it: break_shape(it, width=96), "do not fit config.json"),
    "another vocabulary": (lambda it: break_shape(it, vocabulary=500), "the tokenizer has 512 ids"),
    "half the weights": (lambda it: truncate(it / "model.safetensors", 0.5), "damaged or incomplete"),
    "almost all weights": (lambda it: truncate(it / "model.safetensors", 0.999), "damaged or incomplete"),
    "weights emptied": (lambda it: truncate(it / "model.safetensors", 0), "damaged or incomplete"),
    "half a tokenizer": (lambda it: truncate(it / "tokenizer.json", 0.5), "not a tokenizer file"),
    "tokenizer of another": (
        lambda it: (it / "tokenizer.json").write_text((it / "tokenizer.json").read_text().replace("<mask>", "<musk>")),
        "belongs to another model",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_folder_is_refused_in_one_sentence(copy: Path, name: str) -> None:
    harm, sentence = BROKEN[name]
    harm(copy)
    with pytest.raises(WeightsError, match=sentence) as caught:
        Infiller.load(copy, device="cpu")
    assert "\n" not in str(caught.value)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(InfillModelError, match="no such model folder"):
        Infiller.load(tmp_path / "nowhere")


@pytest.mark.parametrize("stored_as", ["bfloat16", "int8"])
def test_smaller_storage_gives_nearly_the_same_weights(
    copy: Path, network: Network, shape: Shape, tmp_path: Path, stored_as: folder.StoredAs
) -> None:
    config = ModelConfig("stored", shape, ("python",))
    folder.write(tmp_path / "out", config, (copy / "tokenizer.json").read_text(), network, stored_as)
    read = folder.network(*folder.read(tmp_path / "out")[::2], tmp_path)
    for name, parameter in network.named_parameters():
        error = (dict(read.named_parameters())[name] - parameter).abs().max()
        assert error <= parameter.abs().max() / 100


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_other_formats_compute_nearly_the_same(model_folder: Path, dtype: str) -> None:
    exact, other = (Infiller.load(model_folder, device="cpu", dtype=it) for it in ("float32", dtype))
    assert (dtype == "int8") == bool(quantize.packed_size(other.denoiser.network))
    assert other.info.parameters == exact.info.parameters or dtype == "int8"
    ids = exact.vocabulary.encode("class Store:\n    def __init__(self):\n")
    states = [it.denoiser.cache_for(ids).states[: len(ids)].float() for it in (exact, other)]
    cosine = torch.cosine_similarity(*states, dim=-1)
    assert cosine.min() > 0.98
    assert other.fill(Request("def f(x):\n    return ", "\n"), Options())[0].stopped == "complete"


def test_an_unknown_format_is_refused(model_folder: Path) -> None:
    with pytest.raises(WeightsError, match="unknown dtype"):
        Infiller.load(model_folder, dtype="float8")


def test_int8_products_may_run_in_several_threads(model_folder: Path) -> None:
    network = Infiller.load(model_folder, device="cpu", dtype="int8").denoiser.network
    dice = torch.Generator().manual_seed(0)
    rows = [torch.randn(64, network.shape.width, generator=dice) for _ in range(8)]
    alone = [network.logits(it) for it in rows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(network.logits, rows * 20))
    assert all(map(torch.equal, together, alone * 20))
