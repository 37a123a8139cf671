"""What a family of checkpoints declares: which folders are its own, sizes, names of weights, ids, how it predicts.

A family is a value; what drives it (`sequence.py`, `open_fill.py`) asks these values and knows no family by name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from infill_model.backends.checkpoint import Checkpoint
from infill_model.backends.transformer import Shape, Transformer
from infill_model.errors import WeightsError

Renamed: TypeAlias = Iterable[tuple[str, Tensor]]
"""What one stored tensor becomes in `Transformer`: usually itself under another name, or its parts."""

LengthScheme = Literal["lengths", "expand", "blocks"]
"""How the length of a fill is found: several are tried; the model adds and deletes; block after block until it ends."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of a checkpoint that mean something to whoever drives it.

    Attributes:
        mask: stands where nothing is committed.
        end: what the model writes when nothing more is to come; it becomes `<del>`, and vanishes from the text.
        never: tokens that are not text, such as those of a chat, which are never predicted.
        begin: put before a file's beginning, where the model was trained so.
        expand: asks for two masks in its place.
    """

    mask: int
    end: int | None = None
    never: tuple[int, ...] = ()
    begin: int | None = None
    expand: int | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """A family of checkpoints that `Transformer` can run.

    Attributes:
        name: as in the documentation.
        claims: whether a folder is one of this family.
        shape: its sizes.
        ids: its special ids.
        renamed: from a stored tensor to those of `Transformer`; None from one that is not needed.
        shifted: whether the output at a position predicts the next one, as in the autoregressive model it came from.
        block: width of a block, where each sees itself and earlier ones only; None where all positions see all.
        lengths: how the length of a fill is found.
    """

    name: str
    claims: Callable[[Checkpoint], bool]
    shape: Callable[[Checkpoint], Shape]
    ids: Callable[[Checkpoint], Ids]
    renamed: Callable[[str, Tensor, Shape], Renamed]
    shifted: bool
    block: Callable[[Checkpoint], int] | None
    lengths: LengthScheme

    def network(self, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device | str) -> Transformer:
        """The network with the checkpoint's weights.

        Raises:
            WeightsError: a tensor is missing, unexpected, or of another shape than config.json says.
        """
        shape = self.shape(checkpoint)
        with torch.device("meta"):
            network = Transformer(shape)
        missing = {name: tensor.shape for name, tensor in network.state_dict().items()}
        if shape.tied:
            del missing["lm_head.weight"]
        loaded: dict[str, Tensor] = {}
        for stored, tensor in checkpoint.tensors():
            for name, value in self.renamed(stored, tensor, shape):
                if shape.tied and name == "lm_head.weight":
                    continue  # Some files repeat the embedding.
                if missing.pop(name, None) != value.shape:
                    raise WeightsError(
                        f"{checkpoint.folder}: the weights do not fit config.json ({stored} {list(tensor.shape)})"
                    )
                loaded[name] = value.to(device, dtype if value.is_floating_point() else None)
        if missing:
            raise WeightsError(f"{checkpoint.folder}: {len(missing)} tensors are missing (first {min(missing)})")
        network.load_state_dict(loaded, strict=False, assign=True)
        if shape.tied:
            network.lm_head.weight = network.model.embed_tokens.weight
        return network.eval().requires_grad_(False)


def as_stored(name: str, tensor: Tensor, shape: Shape) -> Renamed:
    """For checkpoints with the names of Qwen2 and Qwen3; buffers that older programs stored are left out."""
    return [] if name.endswith("rotary_emb.inv_freq") else [(name, tensor)]


def qwen_shape(checkpoint: Checkpoint, *, qkv_bias: bool = True, qk_norm: bool = False) -> Shape:
    """Sizes from the keys that Qwen2 and Qwen3 use."""
    config = checkpoint.config
    config.refuse("hidden_act", "silu")
    config.refuse("use_sliding_window", False)
    width, heads = config.number("hidden_size"), config.number("num_attention_heads")
    head_width = config.number("head_dim", width // heads)
    return checked(
        checkpoint,
        Shape(
            vocabulary=config.number("vocab_size"),
            width=width,
            layers=config.number("num_hidden_layers"),
            heads=heads,
            kv_heads=config.number("num_key_value_heads", heads),
            head_width=head_width,
            rotary_width=head_width,
            mlp_width=config.number("intermediate_size"),
            theta=config.rope_theta,
            eps=config.real("rms_norm_eps"),
            qkv_bias=qkv_bias,
            qk_norm=qk_norm,
            tied=config.flag("tie_word_embeddings", False),
        ),
    )


def checked(checkpoint: Checkpoint, shape: Shape) -> Shape:
    """The shape, if a network can have it.

    Raises:
        WeightsError: it cannot.
    """
    sizes = (shape.vocabulary, shape.width, shape.layers, shape.heads, shape.kv_heads, shape.head_width)
    if min(*sizes, shape.mlp_width) < 1 or shape.heads % shape.kv_heads or shape.rotary_width % 2:
        raise WeightsError(f"{checkpoint.config.path}: its sizes make no network")
    return shape
