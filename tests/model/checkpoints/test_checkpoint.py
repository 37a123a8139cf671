"""Errors in a checkpoint folder are reported in one sentence, and nothing in the folder is ever run."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import SPECIAL, checkpoint, tokenizer

from infill_model.checkpoints.causal import MARKS
from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.checkpoints.loading import load
from infill_model.errors import WeightsError
from infill_model.families.family import TransformerFamily
from infill_model.files.memory import free_bytes


def edit_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def pickled(folder: Path) -> None:
    without_weights(folder)
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")


def half_downloaded(folder: Path) -> None:
    without_weights(folder)
    places = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"")


def cut_short(folder: Path, kept: int = 5000) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])


def other_table(folder: Path, table: bytes) -> None:
    (folder / "model.safetensors").write_bytes(len(table).to_bytes(8, "little") + table)


def one_shard_short(folder: Path) -> None:
    half_downloaded(folder)
    weights = {"a": torch.zeros(100), "b": torch.zeros(100)}
    save_file(weights, folder / "model-00001-of-00002.safetensors")
    whole = (folder / "model-00001-of-00002.safetensors").read_bytes()
    (folder / "model-00002-of-00002.safetensors").write_bytes(whole[:-1])


def huge(folder: Path) -> None:
    """Create a file that claims a thousand gigabytes and is sparse throughout."""
    size = 1000 * 2**30
    entry = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
    other_table(folder, json.dumps({"it": entry}).encode())
    path = folder / "model.safetensors"
    os.truncate(path, path.stat().st_size + size)


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def no_numbers(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    next(iter(weights.values())).view(-1)[0] = float("nan")
    save_file(weights, file)


def outside(folder: Path) -> None:
    without_weights(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))
    (folder.parent / "model.safetensors").write_bytes(b"")


def other_tokenizer(folder: Path) -> None:
    tokenizer((*SPECIAL, *map(str, range(100)))).save(str(folder / "tokenizer.json"))


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file is no folder": (lambda it: (it / "config.json").unlink(), "no config.json"),
    "config is not JSON": (lambda it: (it / "config.json").write_text("{"), "not valid JSON"),
    "config too deep": (lambda it: (it / "config.json").write_text("[" * 100_000), "not valid JSON"),
    "a table too deep": (lambda it: other_table(it, b"[" * 100_000), "damaged or incomplete"),
    "weights are a pipe": (lambda it: as_pipe(it / "model.safetensors"), "model.safetensors: is not a regular file"),
    "the tokenizer is a pipe": (lambda it: as_pipe(it / "tokenizer.json"), "tokenizer.json: is not a regular file"),
    "weights are no numbers": (no_numbers, "contains values that are not finite"),
    "another architecture": (lambda it: edit_config(it, model_type="bert"), "no backend supports .* 'bert'"),
    "remote code": (
        lambda it: edit_config(it, model_type="novel", auto_map={"AutoModel": "modeling_novel.Novel"}),
        "Python code that comes with it, which is never run",
    ),
    "only pickles": (pickled, "pickled .*never done; use a release .* or convert it.*weights_only=True.*save_file"),
    "nothing to load": (without_weights, "contains no weights"),
    "half a download": (half_downloaded, "1 of 2 weight files are missing .*start it again"),
    "a file cut short": (cut_short, r"is incomplete, \d+ of \d+ bytes of its weights are there; .* start it again"),
    "only the beginning": (partial(cut_short, kept=50), "not even its header is complete; .* start it again"),
    "an empty file": (partial(cut_short, kept=0), "not even its header is complete"),
    "no safetensors": (lambda it: (it / "model.safetensors").write_bytes(b"\xff" * 99), "damaged, or not in safe"),
    "a table of something else": (lambda it: other_table(it, b'{"a": 1}'), "damaged or incomplete"),
    "a table that is no JSON": (lambda it: other_table(it, b"{"), "damaged or incomplete"),
    "a shard cut short": (one_shard_short, "model-00002-of-00002.safetensors: the file is incomplete"),
    "more than fits": (huge, r"take 1\d{3}\.\d GB and the memory of cpu has [\d.]+ GB free; choose a smaller model"),
    "weights elsewhere": (outside, "1 of 1 weight files are missing"),
    "other sizes": (lambda it: edit_config(it, hidden_size=64), "do not fit config.json"),
    "more layers": (lambda it: edit_config(it, num_hidden_layers=3), "tensors are missing"),
    "a size that is a word": (lambda it: edit_config(it, hidden_size="big"), "hidden_size should be a whole number"),
    "no heads": (lambda it: edit_config(it, num_attention_heads=3, head_dim=8), "do not describe a valid network"),
    "scaled positions": (lambda it: edit_config(it, rope_scaling={"type": "yarn"}), "rope_scaling"),
    "no tokenizer": (lambda it: (it / "tokenizer.json").unlink(), "neither tokenizer.json nor vocab.json"),
    "a broken tokenizer": (lambda it: (it / "tokenizer.json").write_text("{}"), "tokenizer cannot be read"),
    "another tokenizer": (other_tokenizer, "they belong to different models"),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_is_refused_in_one_sentence(what: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it", "dream")
    spoil, said = WRONG[what]
    spoil(folder)
    with pytest.raises(WeightsError, match=said) as caught:
        OpenInfiller.load(folder, device="cpu")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_tokenizer_may_be_published_in_its_slow_form(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it", "dream")
    description = json.loads((folder / "tokenizer.json").read_text())
    added = {it["content"]: it["id"] for it in description["added_tokens"]}
    fast = OpenInfiller.load(folder, device="cpu").vocabulary
    (folder / "vocab.json").write_text(json.dumps(description["model"]["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "added_tokens.json").write_text(json.dumps(added))
    (folder / "tokenizer.json").unlink()
    slow = OpenInfiller.load(folder, device="cpu").vocabulary
    text = "if it's <|mask|>:\n\treturn 'é'\n"
    assert slow.encode(text) == fast.encode(text)
    assert slow.decode(slow.encode(text)) == text


def test_too_little_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint(tmp_path / "it", "dream")

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 14 GiB.")

    monkeypatch.setattr(TransformerFamily, "network", full)
    with pytest.raises(WeightsError, match=r"memory of cpu is too small .* smaller model or another device"):
        OpenInfiller.load(folder, device="cpu")


def test_an_end_may_be_one_of_several(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it", "dream")
    edit_config(folder, eos_token_id=[256, 257])
    assert OpenInfiller.load(folder, device="cpu").ids.end == 256


def test_what_is_free_is_more_than_nothing_and_less_than_everything() -> None:
    free = free_bytes("cpu")
    assert free is not None
    assert 1e7 < free < 1e14
    assert free_bytes("mps") is None


def test_a_causal_model_is_checked_the_same(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = checkpoint(tmp_path / "it", "dream")
    tokenizer(("<|endoftext|>", *MARKS[0])).save(str(folder / "tokenizer.json"))
    edit_config(folder, model_type="qwen2")
    for spoil, said in ((cut_short, "start it again"), (pickled, "convert it"), (huge, "choose a smaller model")):
        spoil(folder)
        with pytest.raises(WeightsError, match=said):
            load(folder, device="cpu")


def test_a_wrong_path_is_said(tmp_path: Path) -> None:
    for wrong in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        with pytest.raises(WeightsError, match="no such model folder; give `embedded` or a folder with") as caught:
            load(wrong, device="cpu")
        assert "\n" not in str(caught.value)
