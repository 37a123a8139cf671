"""The declarations of a family of checkpoints: its folders, sizes, weight names, ids, and way of predicting.

A family is a value; the code that drives it (`drive.py`, `infiller.py`) reads these values and names no family.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from infill_model.denoising.denoiser import Denoiser
from infill_model.denoising.stop import StopPolicy
from infill_model.denoising.unmask import UnmaskPolicy
from infill_model.errors import WeightsError
from infill_model.families.prompt import WINDOW
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import IdMap, Ids
from infill_model.transformer.sequence import SequenceContext, SequenceDenoiser
from infill_model.transformer.transformer import Transformer, TransformerShape

Renamed: TypeAlias = Iterable[tuple[str, Tensor]]
"""The tensors that one stored tensor becomes in `Transformer`: usually itself under another name, or its parts."""

LengthScheme = Literal["lengths", "expand", "blocks"]
"""How the length of a fill is found: several are tried; the model expands and deletes; block after block to the end."""


class OpenDenoiser(Denoiser[SequenceContext], Protocol):
    """A family's denoiser: of contexts with a mark where the canvas goes, as in `sequence.py`."""

    @property
    def device(self) -> torch.device:
        """The device for canvases."""

    @property
    def network(self) -> nn.Module:
        """The network, for its size."""

    @property
    def size(self) -> int:
        """The number of ids in the checkpoint's weights."""

    def move(self) -> None:
        """Move the accompanying tensors to the network's device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of checkpoints.

    Attributes:
        name: as in the documentation.
        claims: whether a folder belongs to this family.
        ids: its special ids.
        lengths: how the length of a fill is found.
        block: the width of a block, if each sees only itself and earlier ones; None for full attention.
        window: the number of tokens of code around a gap that it is given.
        unmask: the family's own unmask policy, which overrides the options; None to use the options.
        stop: the family's own stop policy, in the same way.
    """

    name: str
    claims: Callable[[Checkpoint], bool]
    ids: Callable[[Checkpoint], Ids]
    lengths: LengthScheme
    block: Callable[[Checkpoint], int] | None
    window: Callable[[Checkpoint], int] = lambda _: WINDOW
    unmask: UnmaskPolicy | None = None
    stop: StopPolicy | None = None

    def denoiser(
        self, checkpoint: Checkpoint, ids: Ids, breaks: Sequence[int], dtype: torch.dtype, device: str
    ) -> OpenDenoiser:
        """Load the weights.

        Args:
            checkpoint: of this family.
            ids: its special ids.
            breaks: canvas ids of the tokens with a line break.
            dtype: of the weights.
            device: their destination.

        Raises:
            WeightsError: they are missing, damaged, or do not fit config.json.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerFamily(Family):
    """A family that `Transformer` can run.

    Attributes:
        shape: its sizes.
        renamed: maps a stored tensor to those of `Transformer`; empty for one that is not needed.
        shifted: whether the output at a position predicts the next one, as in the autoregressive model it came from.
    """

    shape: Callable[[Checkpoint], TransformerShape]
    renamed: Callable[[str, Tensor, TransformerShape], Renamed]
    shifted: bool

    def denoiser(
        self, checkpoint: Checkpoint, ids: Ids, breaks: Sequence[int], dtype: torch.dtype, device: str
    ) -> OpenDenoiser:
        """Load the weights into a `Transformer`."""
        network = self.network(checkpoint, dtype, device)
        block = None if self.block is None else self.block(checkpoint)
        return SequenceDenoiser(network, IdMap(ids, device), shifted=self.shifted, block=block, breaks=breaks)

    def network(self, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device | str) -> Transformer:
        """Build the network with the checkpoint's weights.

        Raises:
            WeightsError: a tensor is missing, unexpected, or of a different shape from config.json.
        """
        shape = self.shape(checkpoint)
        with torch.device("meta"):
            network = Transformer(shape)
        tied = ("lm_head.weight",) if shape.tied else ()  # Some files repeat the embedding.
        assigned(network, checkpoint, lambda name, it: self.renamed(name, it, shape), dtype, device, left_out=tied)
        if shape.tied:
            network.lm_head.weight = network.model.embed_tokens.weight
        return network.eval().requires_grad_(False)


NetworkT = TypeVar("NetworkT", bound=nn.Module)


def assigned(
    network: NetworkT,
    checkpoint: Checkpoint,
    renamed: Callable[[str, Tensor], Renamed],
    dtype: torch.dtype,
    device: torch.device | str,
    *,
    left_out: Collection[str] = (),
) -> NetworkT:
    """Assign the checkpoint's weights to a network made on the `meta` device, and return the network.

    Args:
        network: to receive the weights.
        checkpoint: the source of the weights.
        renamed: maps a stored tensor to the network's.
        dtype: of the weights; buffers keep theirs, because values that choose experts must not be rounded.
        device: the weights' destination.
        left_out: names of the network's tensors that are not stored, or need not be.

    Raises:
        WeightsError: a tensor is missing, unexpected, or of a different shape from config.json.
    """
    missing = {name: tensor.shape for name, tensor in network.state_dict().items() if name not in left_out}
    exact = {name for name, _ in network.named_buffers()}
    loaded: dict[str, Tensor] = {}
    for stored, tensor in checkpoint.tensors():
        for name, value in renamed(stored, tensor):
            if name in left_out:
                continue
            if missing.pop(name, None) != value.shape:
                raise WeightsError(
                    f"{checkpoint.folder}: the weights do not fit config.json ({stored} {list(tensor.shape)})"
                )
            loaded[name] = value.to(device) if name in exact else value.to(device, dtype)
    if missing:
        raise WeightsError(f"{checkpoint.folder}: {len(missing)} tensors are missing (first {min(missing)})")
    network.load_state_dict(loaded, strict=False, assign=True)
    return network


def as_stored(name: str, tensor: Tensor, shape: TransformerShape) -> Renamed:
    """Keep the names of Qwen2 and Qwen3; drop buffers that older programs stored."""
    return [] if name.endswith("rotary_emb.inv_freq") else [(name, tensor)]


def qwen_shape(checkpoint: Checkpoint, *, qkv_bias: bool = True, qk_norm: bool = False) -> TransformerShape:
    """Read the sizes from the keys that Qwen2 and Qwen3 use."""
    config = checkpoint.config
    config.refuse("hidden_act", "silu")
    config.refuse("use_sliding_window", False)
    width, heads = config.number("hidden_size"), config.number("num_attention_heads")
    head_width = config.number("head_dim", width // heads)
    return checked(
        checkpoint,
        TransformerShape(
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


def llama_shape(checkpoint: Checkpoint) -> TransformerShape:
    """Read the sizes from the keys that Llama uses; none of its projections has a bias."""
    checkpoint.config.refuse("attention_bias", False)
    checkpoint.config.refuse("mlp_bias", False)
    return qwen_shape(checkpoint, qkv_bias=False)


def checked(checkpoint: Checkpoint, shape: TransformerShape) -> TransformerShape:
    """Return the shape if it describes a valid network.

    Raises:
        WeightsError: it does not.
    """
    sizes = (shape.vocabulary, shape.width, shape.layers, shape.heads, shape.kv_heads, shape.head_width)
    if min(*sizes, shape.mlp_width) < 1 or shape.heads % shape.kv_heads or shape.rotary_width % 2:
        raise WeightsError(f"{checkpoint.config.path}: its sizes do not describe a valid network")
    return shape
