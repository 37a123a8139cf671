"""The causal network of a published code model, with packed weights and in-place keys and values.

Queries, keys and values are one matrix, gate and up another, so a layer is four products. On a CPU matrices are int8
with a scale for each output, and activations are quantised dynamically; elsewhere they are bfloat16.

Shapes: n positions run, P places in the cache, D width, H query heads, G key/value heads, E head width, V tokens of the
trimmed head, S of the denoiser's part of it.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.transformer.products import Buffers, Int8Product, PlainProduct, Product
from infill_model.transformer.transformer import TransformerShape, rotary_of

PARTS: Final = ("qkv", "out", "gate_up", "down")
"""The products of a layer."""


@dataclass(frozen=True, slots=True)
class CausalLayer:
    """A layer's norms (D,) and products."""

    attention_norm: Tensor
    mlp_norm: Tensor
    qkv: Product
    out: Product
    gate_up: Product
    down: Product


DEPTH: Final = 3
"""Layers of the denoiser; they read the keys and values of the same number of the encoder's last layers."""


class DenoiserLayers:
    """The denoiser's weights: a few layers, the canvas embeddings, the last norm, and its part of the trimmed head.

    Attributes:
        numbers: (S,) int64, indices in the trimmed head of the tokens it may write: the frequent ones (arXiv
            2502.14856), since the whole head would cost as much as the layers.
    """

    def __init__(self, network: "CausalNetwork", weights: Mapping[str, Tensor]) -> None:
        """Pack stored weights in the same way as the network's."""
        self.layers = [network.layer(weights, f"denoiser.layers.{number}") for number in range(network.depth)]
        self.numbers = weights["denoiser.numbers"].long().to(network.device)
        self._head = network.rows_of_head(weights, self.numbers.cpu())
        self.seed, self.token, self.canvas, self.norm = (
            network.placed(weights[f"denoiser.{it}"]) for it in ("seed", "token", "canvas", "norm")
        )

    @torch.no_grad()
    def logits(self, states: Tensor) -> Tensor:
        """Map (n, D) to (n, S) float32, for the tokens `numbers`."""
        return self._head(states).float()


class CausalNetwork:
    """Embedding, layers and trimmed head, and the denoiser's layers if there are any; the caller keeps the cache."""

    def __init__(
        self, shape: TransformerShape, weights: Mapping[str, Tensor], device: str, positions: int, dtype: str = "auto"
    ) -> None:
        """Pack stored weights for a device.

        Args:
            shape: of the network.
            weights: under the names of `converted.py`: int8 matrices with scales.
            device: `cpu`, `cuda`, `mps`.
            positions: the number that the rotary table covers.
            dtype: of the products, `int8`, `float32` or `bfloat16`; `auto` is int8 on a CPU and bfloat16 elsewhere.
        """
        self.shape, self.device = shape, torch.device(device)
        self.kind = dtype if dtype != "auto" else ("int8" if self.device.type == "cpu" else "bfloat16")
        self.dtype = torch.bfloat16 if self.kind == "bfloat16" else torch.float32
        self.depth = min(DEPTH, shape.layers)
        self._buffers = Buffers()
        self._embedding = weights["embedding.weight"].to(self.device)
        self._embedding_scale = weights["embedding.scale"].to(self.device, self.dtype)
        self.head_ids = weights["head.ids"].to(torch.int64)
        self._head = self._product(weights, "head")
        self._norm = self.placed(weights["norm"])
        with ThreadPoolExecutor(
            torch.get_num_threads()
        ) as pool:  # Packing uses one thread, and takes most of the time of loading.
            self._layers = list(pool.map(lambda it: self.layer(weights, f"layers.{it}"), range(shape.layers)))
        self.denoiser = DenoiserLayers(self, weights) if "denoiser.numbers" in weights else None
        every = torch.arange(positions, device=self.device).unsqueeze(0)
        cos, sin = rotary_of(every, shape.head_width, shape.theta, self.dtype)[:, 0, 0, :, None, None]
        self._cos, self._sin = cos, torch.cat([-sin, sin], dim=2)  # (P, 1, 1, E / 2) and (P, 1, 2, E / 2)

    def cache(self, places: int) -> list[Tensor]:
        """Allocate keys and values: (2, 1, G, P, E) for each layer."""
        size = (2, 1, self.shape.kv_heads, places, self.shape.head_width)
        return [torch.zeros(size, device=self.device, dtype=self.dtype) for _ in self._layers]

    @torch.no_grad()
    def run(
        self, ids: Tensor, positions: Tensor, attention_mask: Tensor | None, cache: list[Tensor], start: int
    ) -> tuple[Tensor, Tensor]:
        """Run tokens, and write their keys and values to the cache from `start` on.

        Args:
            ids: (n,) int64.
            positions: (n,) int64, of the tokens in their rows.
            attention_mask: (n, start + n) bool, the places each token sees; None: all, as for one token at the end.
            cache: from `cache()`.
            start: the first free place.

        Returns:
            Normed states (n, D), and the residual stream (n, D) below the last `depth` layers.
        """
        below = len(self._layers) - self.depth
        rotary, mask = (self._cos[positions], self._sin[positions]), self._mask(attention_mask)
        residual = self._through(self._layers[:below], self.embedded(ids), rotary, mask, cache[:below], start)
        x = self._through(self._layers[below:], residual, rotary, mask, cache[below:], start)
        return _normed(x, self._norm, self.shape.eps), residual

    @torch.no_grad()
    def denoise(
        self,
        denoiser: DenoiserLayers,
        x: Tensor,
        positions: Tensor,
        attention_mask: Tensor,
        cache: list[Tensor],
        start: int,
    ) -> Tensor:
        """Run canvas positions through the denoiser's layers on top of the encoder's keys and values.

        Args:
            denoiser: its weights.
            x: (n, D), the initial states of the positions.
            positions: (n,) int64.
            attention_mask: (n, start + n) bool.
            cache: from `cache()`; places from `start` on are overwritten.
            start: the first free place.

        Returns:
            Normed states (n, D).
        """
        rotary, mask = (self._cos[positions], self._sin[positions]), self._mask(attention_mask)
        x = self._through(denoiser.layers, x, rotary, mask, cache[-self.depth :], start)
        return _normed(x, denoiser.norm, self.shape.eps)

    def embedded(self, ids: Tensor) -> Tensor:
        """Map (n,) int64 to (n, D)."""
        return self._embedding[ids].to(self.dtype) * self._embedding_scale[ids].unsqueeze(1)

    def _mask(self, attention_mask: Tensor | None) -> Tensor | None:
        """Return the additive mask for all query heads of a group; minus infinity where attention is not allowed."""
        if attention_mask is None:
            return None
        mask = torch.zeros(attention_mask.shape, dtype=self.dtype, device=self.device).masked_fill_(
            ~attention_mask, -math.inf
        )
        return mask.repeat(self.shape.heads // self.shape.kv_heads, 1)[None, None]

    def _through(
        self,
        layers: Sequence[CausalLayer],
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        cache: Sequence[Tensor],
        start: int,
    ) -> Tensor:
        """Map (n, D) to (n, D), through some layers and their part of the cache."""
        it, n = self.shape, len(x)
        cos, sin = rotary
        turning, end = it.heads + it.kv_heads, start + n
        for layer, kept in zip(layers, cache, strict=True):
            qkv = layer.qkv(_normed(x, layer.attention_norm, it.eps)).view(n, turning + it.kv_heads, 2, -1)
            qk = qkv[:, :turning]
            turned = torch.addcmul(qk * cos, qk.flip(2), sin).view(n, turning, it.head_width)
            kept[0, 0, :, start:end] = turned[:, it.heads :].transpose(0, 1)
            kept[1, 0, :, start:end] = qkv[:, turning:].flatten(2).transpose(0, 1)
            keys, values = kept[:, :, :, :end]
            # The heads of a group are rows of one head, so keys and values need not be repeated for each.
            rows = turned[:, : it.heads].transpose(0, 1).reshape(1, it.kv_heads, -1, it.head_width)
            y = F.scaled_dot_product_attention(rows, keys, values, attn_mask=mask).view(it.heads, n, -1)
            x = x + layer.out(y.transpose(0, 1).reshape(n, -1))
            gate, up = layer.gate_up(_normed(x, layer.mlp_norm, it.eps)).chunk(2, 1)
            x = x + layer.down(F.silu(gate).mul_(up))
        return x

    @torch.no_grad()
    def logits(self, states: Tensor) -> Tensor:
        """Map (n, D) to (n, V) float32, for the tokens `head_ids`."""
        return self._head(states).float()

    def placed(self, tensor: Tensor) -> Tensor:
        """Return a tensor on the network's device, in its dtype."""
        return tensor.to(self.device, self.dtype)

    def _product(self, weights: Mapping[str, Tensor], name: str) -> Product:
        weight, scale, bias = weights[f"{name}.weight"], weights[f"{name}.scale"], weights.get(f"{name}.bias")
        if self.kind == "int8":
            return Int8Product(weight, scale.float(), None if bias is None else bias.float(), self._buffers)
        plain = weight.to(self.device, torch.float32) * scale.to(self.device, torch.float32).unsqueeze(1)
        return PlainProduct(plain.to(self.dtype), None if bias is None else self.placed(bias))

    def rows_of_head(self, weights: Mapping[str, Tensor], numbers: Tensor) -> Product:
        """Pack some rows of the trimmed head."""
        rows = {f"head.{it}": weights[f"head.{it}"][numbers] for it in ("weight", "scale")}
        return self._product(rows, "head")

    def layer(self, weights: Mapping[str, Tensor], name: str) -> CausalLayer:
        """Pack a stored layer."""
        return CausalLayer(
            self.placed(weights[f"{name}.attention_norm"]),
            self.placed(weights[f"{name}.mlp_norm"]),
            *(self._product(weights, f"{name}.{part}") for part in PARTS),
        )


def _normed(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Divide rows (n, D) by their root mean square; `F.rms_norm` takes twice as long for a few rows on a CPU."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=torch.float32)
    scale = norm.square_().div_(x.shape[1]).add_(eps).rsqrt_().to(x.dtype)
    return (x * scale).mul_(weight)
