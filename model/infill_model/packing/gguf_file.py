"""Reads a GGUF file as data: the shape of its network, its tokenizer, and its weights under the hub's names.

The file is mapped into memory and dequantised tensor by tensor, so only one tensor is held twice at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer
from torch import Tensor

from infill_model.errors import WeightsError
from infill_model.files.tokenizer import qwen2_tokenizer
from infill_model.transformer.transformer import TransformerShape

_SPECIAL: Final = (3, 4)
"""Token types of control and user-defined tokens (llama.cpp, `enum llama_token_type`)."""

NAMES: Final = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
"""Names of a layer's parts, from GGUF's to the hub's."""

_OUTER: Final = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


@dataclass(frozen=True, slots=True)
class TokenTable:
    """The tokenizer's tables: tokens in the byte alphabet, merges in their order, and the ids of special tokens."""

    tokens: list[str]
    merges: list[tuple[str, str]]
    special: list[int]

    def tokenizer(self) -> Tokenizer:
        """Build the fast tokenizer; special tokens are never recognised in a text."""
        built = qwen2_tokenizer({word: number for number, word in enumerate(self.tokens)}, self.merges)
        built.add_special_tokens([AddedToken(self.tokens[it], special=True, normalized=False) for it in self.special])
        return built


class GgufFile:
    """A GGUF file of a Qwen2 network."""

    def __init__(self, path: Path) -> None:
        """Map the file and read its metadata.

        Raises:
            WeightsError: the file is damaged, not a GGUF file, or not a Qwen2 network.
        """
        try:
            from gguf import GGUFReader  # noqa: PLC0415  # Only when such a file is opened.

            self._reader: Any = GGUFReader(path)
        except ImportError as error:
            raise WeightsError("reading GGUF files needs the package gguf: `pip install gguf`") from error
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise WeightsError(f"{path}: not a readable GGUF file ({error}); download it again") from error
        self.path = path
        if self._value("general.architecture") != "qwen2":
            raise WeightsError(f"{path}: holds a {self._value('general.architecture')} network; qwen2 is supported")

    def _value(self, key: str) -> Any:
        field = self._reader.fields.get(key)
        if field is None:
            raise WeightsError(f"{self.path}: {key} is missing; the file is damaged, download it again")
        return field.contents()

    @cached_property
    def shape(self) -> TransformerShape:
        """The network's shape."""
        heads, width = int(self._value("qwen2.attention.head_count")), int(self._value("qwen2.embedding_length"))
        return TransformerShape(
            vocabulary=len(self._reader.fields["tokenizer.ggml.tokens"].data),
            width=width,
            layers=int(self._value("qwen2.block_count")),
            heads=heads,
            kv_heads=int(self._value("qwen2.attention.head_count_kv")),
            head_width=width // heads,
            rotary_width=width // heads,
            mlp_width=int(self._value("qwen2.feed_forward_length")),
            theta=float(self._value("qwen2.rope.freq_base")),
            eps=float(self._value("qwen2.attention.layer_norm_rms_epsilon")),
            qkv_bias=True,
            tied="output.weight" not in {it.name for it in self._reader.tensors},
        )

    @cached_property
    def tokens(self) -> TokenTable:
        """The tokenizer's tables."""
        types = self._value("tokenizer.ggml.token_type")
        merges = [tuple(it.split(" ", 1)) for it in self._value("tokenizer.ggml.merges")]
        special = [number for number, kind in enumerate(types) if kind in _SPECIAL]
        return TokenTable(list(self._value("tokenizer.ggml.tokens")), merges, special)

    def tensors(self, dtype: torch.dtype = torch.float32) -> Iterator[tuple[str, Tensor]]:
        """Yield each weight under its hub name, dequantised; a tied output is left out."""
        for name, _, tensor in self.named_tensors():
            yield name, tensor.to(dtype)

    def copy_fields(self, writer: Any) -> None:
        """Copy the file's metadata into a `gguf.GGUFWriter`."""
        from gguf import GGUFValueType  # noqa: PLC0415

        for key, field in self._reader.fields.items():
            kind = field.types[0]
            if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type"):
                continue  # The writer adds these itself.
            within = field.types[-1] if kind == GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), kind, sub_type=within)

    def named_tensors(self) -> Iterator[tuple[str, str, Tensor]]:
        """Yield each weight in float32, with its hub name and its name in the file."""
        from gguf.quants import dequantize  # noqa: PLC0415

        for tensor in self._reader.tensors:
            values = np.array(dequantize(tensor.data, tensor.tensor_type))  # A copy, because the map is read-only.
            yield _hub_name(tensor.name), tensor.name, torch.from_numpy(values)


def _hub_name(name: str) -> str:
    """Translate `blk.3.attn_q.bias` into `model.layers.3.self_attn.q_proj.bias`."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.{kind}"
