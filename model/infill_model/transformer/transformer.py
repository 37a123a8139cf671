"""The network that most open diffusion checkpoints share: a Llama-style transformer with a mask set by the caller.

`Backbone` is the interface that `sequence.py` needs of a network; `dit.py` implements it too.

Sizes and switches come from a `TransformerShape`; parameters have the hub's names of Qwen2 and Qwen3, to which a family
maps its own. Must not depend on tokens, files, or which positions are a canvas.

Shapes: B rows, n positions run, P positions cached, D width, H query heads, G key/value heads, E head width, V
vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KeysValues: TypeAlias = tuple[Tensor, Tensor]
"""Keys, rotated to their positions, and values of one layer: (B, G, P, E) each."""


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts in place of the MLP: LLaDA2's, which is DeepSeek-V3's, or SDAR's, which is Qwen3's.

    Attributes:
        count: the number of experts.
        chosen: the number of experts that each token is routed to.
        groups: the number of groups of experts; only the best groups are considered.
        groups_chosen: the number of groups considered.
        width: of an expert's MLP.
        shared: the number of experts that every token is routed to.
        scale: the factor applied to the experts' weighted sum.
        normalised: whether the weights of the chosen experts are normalised to sum to one.
        dense_layers: the number of initial layers that have an MLP instead.
        router: the function from the router's output to scores; with the sigmoid a stored bias affects the choice.
    """

    count: int
    chosen: int
    groups: int
    groups_chosen: int
    width: int
    shared: int
    scale: float
    normalised: bool
    dense_layers: int
    router: Literal["sigmoid", "softmax"] = "sigmoid"


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """Sizes and switches of a network.

    Attributes:
        vocabulary: V.
        width: D.
        layers: the number of layers.
        heads: H.
        kv_heads: G.
        head_width: E.
        rotary_width: the part of each head that is rotated to its position.
        mlp_width: inside the MLP.
        theta: base of the rotary positions.
        eps: of the norms.
        qkv_bias: whether queries, keys and values have biases.
        qk_norm: whether queries and keys are normed, per head.
        tied: whether the output shares the embedding's matrix.
        experts: the mixtures in place of MLPs, if any.
        causal: whether a row without a cache and without a mask is read left to right.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    rotary_width: int
    mlp_width: int
    theta: float
    eps: float
    qkv_bias: bool = False
    qk_norm: bool = False
    tied: bool = False
    experts: Experts | None = None
    causal: bool = False


class RmsNorm(nn.Module):
    """Root mean square norm with a gain, computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to (..., width)."""
        wide = x.float()
        normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * normed.to(x.dtype)


class GatedMlp(nn.Module):
    """SwiGLU."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., D) to (..., D)."""
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Router(nn.Module):
    """Chooses the experts for each token; the bias, if there is one, affects only the choice."""

    expert_bias: Tensor | None

    def __init__(self, width: int, experts: Experts) -> None:
        super().__init__()
        self.experts = experts
        self.weight = nn.Parameter(torch.empty(experts.count, width))
        self.register_buffer("expert_bias", torch.zeros(experts.count) if experts.router == "sigmoid" else None)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (m, D) to experts (m, chosen) int64 and their weights (m, chosen) float32."""
        it = self.experts
        out = F.linear(x.float(), self.weight.float())
        score = out.sigmoid() if it.router == "sigmoid" else out.softmax(-1)
        wanted = score if self.expert_bias is None else score + self.expert_bias.float()
        by_group = wanted.view(len(wanted), it.groups, -1)
        best = by_group.topk(min(2, by_group.shape[2]), dim=2).values.sum(2).topk(it.groups_chosen, dim=1).indices
        open_groups = torch.zeros_like(by_group[..., 0], dtype=torch.bool).scatter(1, best, True)
        among = by_group.masked_fill(~open_groups.unsqueeze(2), -torch.inf).flatten(1)
        chosen = among.topk(it.chosen, dim=1).indices
        weights = score.gather(1, chosen)
        if it.normalised and it.chosen > 1:
            weights = weights / (weights.sum(1, keepdim=True) + 1e-20)
        return chosen, weights * it.scale


class Mixture(nn.Module):
    """A mixture of experts, and the experts that every token is routed to."""

    def __init__(self, width: int, experts: Experts) -> None:
        super().__init__()
        self.gate = Router(width, experts)
        self.experts = nn.ModuleList(GatedMlp(width, experts.width) for _ in range(experts.count))
        self.shared_experts = GatedMlp(width, experts.width * experts.shared) if experts.shared else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., D) to (..., D)."""
        flat = x.flatten(0, -2)
        chosen, weights = self.gate(flat)
        out = torch.zeros_like(flat)
        for number in chosen.unique().tolist():
            row, place = (chosen == number).nonzero(as_tuple=True)
            expert_out = self.experts[number](flat[row])
            out.index_add_(0, row, expert_out * weights[row, place].unsqueeze(1).to(expert_out.dtype))
        if self.shared_experts is not None:
            out = out + self.shared_experts(flat)
        return out.view_as(x)


class GroupedAttention(nn.Module):
    """Grouped-query attention with rotary positions."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        inner, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
        self.q_proj = nn.Linear(shape.width, inner, bias=shape.qkv_bias)
        self.k_proj = nn.Linear(shape.width, kv, bias=shape.qkv_bias)
        self.v_proj = nn.Linear(shape.width, kv, bias=shape.qkv_bias)
        self.o_proj = nn.Linear(inner, shape.width, bias=False)
        self.q_norm = RmsNorm(shape.head_width, shape.eps) if shape.qk_norm else nn.Identity()
        self.k_norm = RmsNorm(shape.head_width, shape.eps) if shape.qk_norm else nn.Identity()

    def forward(
        self, x: Tensor, rotary: Tensor, attention_mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """Map (B, n, D) to (B, n, D), and return the keys and values of everything attended to."""
        q = turned(self.q_norm(self._heads(self.q_proj(x))), rotary)
        k = turned(self.k_norm(self._heads(self.k_proj(x))), rotary)
        v = self._heads(self.v_proj(x))
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        causal, gqa = (
            self.shape.causal and attention_mask is None and past is None,
            self.shape.heads > self.shape.kv_heads,
        )
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask, is_causal=causal, enable_gqa=gqa)
        out: Tensor = self.o_proj(y.transpose(1, 2).flatten(2))
        return out, (k, v)

    def _heads(self, x: Tensor) -> Tensor:
        """Reshape (B, n, heads x E) to (B, heads, n, E)."""
        return x.view(*x.shape[:2], -1, self.shape.head_width).transpose(1, 2)


def rotary_of(positions: Tensor, width: int, theta: float, dtype: torch.dtype) -> Tensor:
    """Return cosines and sines (2, B, 1, n, width / 2) of positions (B, n)."""
    powers = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
    angle = positions.float().unsqueeze(-1) * (1.0 / theta**powers)
    return torch.stack([angle.cos(), angle.sin()]).to(dtype).unsqueeze(2)


def turned(x: Tensor, rotary: Tensor) -> Tensor:
    """Rotate the first 2R of E numbers of each head (B, heads, n, E) to their positions; rotary (2, B, 1, n, R)."""
    cos, sin = rotary[0], rotary[1]
    half = cos.shape[-1]
    left, right, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([left * cos - right * sin, right * cos + left * sin, rest], dim=-1)


class Layer(nn.Module):
    """A transformer layer."""

    def __init__(self, shape: TransformerShape, number: int) -> None:
        super().__init__()
        mixture = shape.experts is not None and number >= shape.experts.dense_layers
        self.input_layernorm = RmsNorm(shape.width, shape.eps)
        self.self_attn = GroupedAttention(shape)
        self.post_attention_layernorm = RmsNorm(shape.width, shape.eps)
        self.mlp = (
            Mixture(shape.width, shape.experts) if mixture and shape.experts else GatedMlp(shape.width, shape.mlp_width)
        )

    def forward(
        self, x: Tensor, rotary: Tensor, attention_mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """Map (B, n, D) to (B, n, D), and return the keys and values of everything attended to."""
        y, kept = self.self_attn(self.input_layernorm(x), rotary, attention_mask, past)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), kept


class Backbone(nn.Module):
    """A network over rows of tokens with an attention mask set by the caller."""

    @property
    def vocabulary(self) -> int:
        """The vocabulary size V."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """The device for ids."""
        return next(self.parameters()).device

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        attention_mask: Tensor | None = None,
        past: Sequence[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """Run some positions, on top of others whose keys and values are cached.

        Args:
            ids: (B, n) int64.
            positions: (B, n) or (1, n) int64.
            attention_mask: (B, n, P + n) or (1, n, P + n) bool, which positions each one sees; None: full attention,
                unless the shape is causal.
            past: keys and values of P earlier positions, per layer.

        Returns:
            Normed states (B, n, D), and per layer the keys and values of all P + n positions.
        """
        raise NotImplementedError

    def logits(self, states: Tensor) -> Tensor:
        """Map (..., D) to (..., V) float32."""
        raise NotImplementedError


class _Trunk(nn.Module):
    """Everything except the output matrix; a separate module for the sake of the parameter names."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape, number) for number in range(shape.layers))
        self.norm = RmsNorm(shape.width, shape.eps)


class Transformer(Backbone):
    """The whole network."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = _Trunk(shape)
        self.lm_head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        if shape.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    @property
    def vocabulary(self) -> int:
        """The vocabulary size V."""
        return self.shape.vocabulary

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        attention_mask: Tensor | None = None,
        past: Sequence[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """Run some positions, as in `Backbone.forward`."""
        x = self.model.embed_tokens(ids)
        rotary = rotary_of(positions, self.shape.rotary_width, self.shape.theta, x.dtype)
        mask = None if attention_mask is None else attention_mask.unsqueeze(1)
        kept = []
        for number, layer in enumerate(self.model.layers):
            x, keys_values = layer(x, rotary, mask, past[number] if past else None)
            kept.append(keys_values)
        return self.model.norm(x), kept

    def logits(self, states: Tensor) -> Tensor:
        """Map (..., D) to (..., V) float32."""
        out: Tensor = self.lm_head(states)
        return out.float()
