"""The single file made from a published model: low-rank update merged, head trimmed, matrices in int8.

A safetensors file whose metadata holds the configuration and the tokenizer. It is written under another name and moved
into place when it is complete. Shapes: O outputs and I inputs of a matrix, V tokens of the trimmed head.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from infill_model.catalogue.published import FORMAT
from infill_model.errors import WeightsError
from infill_model.files.checks import check_numbers
from infill_model.packing import denoiser_weights, low_rank
from infill_model.packing.fim import END
from infill_model.packing.gguf_file import GgufFile
from infill_model.transformer.packed import DEPTH
from infill_model.transformer.transformer import TransformerShape

HEAD: Final = Path(__file__).with_name("head-qwen2.npy")
"""Ids (uint32) of the tokens that may be written: the 32,000 most frequent of the corpora, and further tokens that
occur in gaps cut at characters. Without the latter a fifth of all gaps could not be written at all."""

Factors: TypeAlias = Mapping[str, tuple[Tensor, Tensor]]
"""The factors A (R, I) and B (O, R) of low-rank updates, by the names of the matrices."""

_JOINED: Final = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}


@dataclass(frozen=True, slots=True)
class Converted:
    """The contents of a converted file.

    Attributes:
        name: of the model.
        shape: of the network.
        special: special tokens and their ids.
        tokenizer: of the model.
        weights: by `CausalNetwork`'s names.
        tuned: whether a low-rank update taught the model this project's order of the row.
    """

    name: str
    shape: TransformerShape
    special: Mapping[str, int]
    tokenizer: Tokenizer
    weights: Mapping[str, Tensor]
    tuned: bool


def convert(
    gguf: Path, update: Path | None, out: Path, name: str, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Write a GGUF file and a low-rank update as one converted file.

    Args:
        gguf: the published model.
        update: a folder as `low_rank.save` writes it, or None.
        out: the file to write.
        name: of the model.
        progress: called with the number of layers done, and of all layers.

    Raises:
        WeightsError: an input cannot be read, or `out` cannot be written.
    """
    source = GgufFile(gguf)
    factors = low_rank.load(update) if update else {}
    weights = {name: tensor.clone() for name, tensor in source.tensors(torch.float16)}
    tokens = source.tokens
    special = {tokens.tokens[it]: it for it in tokens.special}
    head = head_ids(special[END], source.shape.vocabulary)
    packed = dict(_outer(weights, head))
    drafter = denoiser_weights.load(update) if update else None
    first = source.shape.layers - min(DEPTH, source.shape.layers)
    for number in range(source.shape.layers):
        if drafter and number >= first:
            own = drafter.factors(number, number - first)
            packed |= dict(_layer(dict(weights), (factors, own), number, f"denoiser.layers.{number - first}."))
        packed |= dict(_layer(weights, (factors,), number, f"layers.{number}."))
        progress(number + 1, source.shape.layers)
    if drafter:
        packed |= {f"denoiser.{name}": it.float() for name, it in drafter.rest.items()}
        packed["denoiser.numbers"] = drafter.numbers(head)
    metadata = {
        "format": str(FORMAT),
        "name": name,
        "tuned": "yes" if update else "no",
        "shape": json.dumps(asdict(source.shape)),
        "special": json.dumps(special),
        "tokenizer": tokens.tokenizer().to_str(),
    }
    part = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_file(packed, part, metadata)
        part.replace(out)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise WeightsError(f"{out}: cannot write the converted model ({error})") from error


def read(path: Path) -> Converted:
    """Read a converted file.

    Raises:
        WeightsError: the file is missing, damaged, or of another version.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != str(FORMAT):
                raise WeightsError(f"{path}: converted by another version; run `infill-lsp models use` again")
            shape = TransformerShape(**json.loads(metadata["shape"]))
            tokenizer = Tokenizer.from_str(metadata["tokenizer"])
            weights = _Stored(path)
            check_numbers(path, weights.items())
            return Converted(
                metadata["name"], shape, json.loads(metadata["special"]), tokenizer, weights, metadata["tuned"] == "yes"
            )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"{path}: damaged or missing ({error}); run `infill-lsp models use` again") from error


class _Stored(Mapping[str, Tensor]):
    """The tensors of a safetensors file, each mapped into memory when it is asked for, and only while it is in use.

    The library's own tensors keep the whole file mapped, which would then count as memory besides the packed matrices.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._state = path, _state(path)
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            self._begin, header = 8 + length, json.loads(file.read(length))
        self._entries = {name: entry for name, entry in header.items() if name != "__metadata__"}

    def __getitem__(self, name: str) -> Tensor:
        entry = self._entries[name]
        dtype, offset = _DTYPES[entry["dtype"]], self._begin + entry["data_offsets"][0]
        mapped = np.memmap(self._path, dtype, "c", offset, tuple(entry["shape"]))
        if _state(self._path) != self._state:
            raise WeightsError(f"{self._path}: was replaced while it was read; load it again")
        return torch.from_numpy(mapped)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


_DTYPES: Final = {"I8": np.int8, "I32": np.int32, "F32": np.float32}
"""Those that `convert` writes."""


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def head_ids(end: int, vocabulary: int) -> Tensor:
    """Return the ids (V,) of the tokens that may be written; always includes single bytes and the end of a gap."""
    counted = np.load(HEAD, allow_pickle=False).astype(np.int64).tolist()
    return torch.tensor(sorted({it for it in (*range(256), *counted, end) if it < vocabulary}))


def _outer(weights: dict[str, Tensor], head: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield the embedding, the trimmed head and the last norm."""
    embedding = weights.pop("model.embed_tokens.weight")
    output = weights.pop("lm_head.weight", embedding)
    yield from _int8("embedding", embedding.float())
    yield from _int8("head", output[head].float())
    yield "head.ids", head.to(torch.int32)
    yield "norm", weights.pop("model.norm.weight").float()


def _layer(
    weights: dict[str, Tensor], updates: Sequence[Factors], number: int, out: str
) -> Iterator[tuple[str, Tensor]]:
    """Yield a layer's norms and joined matrices under names that begin with `out`, removing them from `weights`."""
    its = f"model.layers.{number}."
    yield f"{out}attention_norm", weights.pop(f"{its}input_layernorm.weight").float()
    yield f"{out}mlp_norm", weights.pop(f"{its}post_attention_layernorm.weight").float()
    for joined, parts in _JOINED.items():
        matrices = [_updated(weights.pop(f"{its}{part}.weight").float(), updates, its + part) for part in parts]
        yield from _int8(f"{out}{joined}", torch.cat(matrices))
        biases = [weights.pop(f"{its}{part}.bias") for part in parts if f"{its}{part}.bias" in weights]
        if biases:
            yield f"{out}{joined}.bias", torch.cat(biases).float()


def _updated(matrix: Tensor, updates: Sequence[Factors], name: str) -> Tensor:
    """Add its updates to a matrix."""
    for a, b in (it[name] for it in updates if name in it):
        if (len(b), a.shape[1]) != matrix.shape:
            raise WeightsError(f"the update of {name} has another shape; it was made for another model")
        matrix = matrix + b @ a
    return matrix


def _int8(name: str, weight: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield (O, I) int8 weights and their scales (O,)."""
    yield from zip((f"{name}.weight", f"{name}.scale"), quantised(weight), strict=True)


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix (O, I) in int8, symmetric per output, and the scale of each output (O,)."""
    scale = weight.abs().amax(1).clamp(min=1e-8) / 127
    return (weight / scale.unsqueeze(1)).round().to(torch.int8), scale
