"""A bidirectional Mamba-2 mixer in place of attention, chosen for each layer.

Mamba-2 (Dao & Gu, arXiv 2405.21060) in plain torch: the state space dual, in chunks, with the parameters' names of
transformers' `Mamba2Mixer`, so its weights load as they are. Diffusion needs both directions (DiffuMamba, arXiv
2511.15927): a mixer and a second one on the reversed sequence, summed. In the encoder, which stays causal, there is one
direction. In the denoiser the mixer takes the place of the canvas's attention to itself; the code around the gap is
still attended to, as in hybrids (Nemotron-H, arXiv 2504.03624).

Shapes: B rows, T positions, K canvases per row, C canvas positions, D width, H heads, P head width, N state, L chunk.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.embedded.network import DenoiserLayer, Mlp, Network, Shape, norm
from infill_model.errors import WeightsError

MIXERS: Final = ("attention", "mamba")
EPS: Final = 1e-5


@dataclass(frozen=True, slots=True)
class StateShape:
    """The sizes of a mixer: D, H, P, N, the width of the convolution, and L."""

    width: int
    heads: int
    head_width: int
    state: int
    convolution: int = 4
    chunk: int = 64

    @property
    def inner(self) -> int:
        """H x P."""
        return self.heads * self.head_width


class Mamba2(nn.Module):
    """A causal Mamba-2 mixer with one group of B and C."""

    def __init__(self, shape: StateShape) -> None:
        super().__init__()
        self.shape = shape
        mixed = shape.inner + 2 * shape.state
        self.in_proj = nn.Linear(shape.width, shape.inner + mixed + shape.heads, bias=False)
        self.conv1d = nn.Conv1d(mixed, mixed, shape.convolution, groups=mixed, padding=shape.convolution - 1)
        self.dt_bias = nn.Parameter(torch.zeros(shape.heads))
        self.A_log = nn.Parameter(torch.arange(1, shape.heads + 1).float().log())
        self.D = nn.Parameter(torch.ones(shape.heads))
        self.norm = nn.RMSNorm(shape.inner, eps=EPS)
        self.out_proj = nn.Linear(shape.inner, shape.width, bias=False)

    def initialise(self, generator: torch.Generator) -> None:
        """Initialise at random: steps between 0.001 and 0.1, as published; nothing is written at first."""
        with torch.no_grad():
            self.in_proj.weight.normal_(0.0, self.shape.width**-0.5, generator=generator)
            self.conv1d.weight.normal_(0.0, self.shape.convolution**-0.5, generator=generator)
            for name, parameter in self.conv1d.named_parameters():
                parameter.mul_(0.0 if name == "bias" else 1.0)
            self.out_proj.weight.zero_()
            step = 10 ** (torch.rand(self.shape.heads, generator=generator) * 2 - 3)
            self.dt_bias.copy_(step + (-torch.expm1(-step)).log())  # The inverse of softplus.

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D); each position sees itself and those to its left."""
        shape, length = self.shape, x.shape[1]
        sizes = [shape.inner, shape.inner + 2 * shape.state, shape.heads]
        gate, mixed, step = torch.split(self.in_proj(x), sizes, dim=-1)
        mixed = F.silu(self.conv1d(mixed.transpose(1, 2))[..., :length]).transpose(1, 2)
        values, b, c = torch.split(mixed, [shape.inner, shape.state, shape.state], dim=-1)
        values = values.reshape(*values.shape[:2], shape.heads, shape.head_width)
        step = F.softplus(step + self.dt_bias)
        y = scan(values * step.unsqueeze(-1), -self.A_log.exp() * step, b, c, shape.chunk)
        y = (y + values * self.D.unsqueeze(-1)).flatten(2)
        out: Tensor = self.out_proj(self.norm(y * F.silu(gate)))
        return out


def scan(values: Tensor, decay: Tensor, b: Tensor, c: Tensor, chunk: int) -> Tensor:
    """Return (B, T, H, P): y_t = c_t . s_t with the states s_t = exp(decay_t) s_(t-1) + values_t b_t.

    Within a chunk this is attention with decaying scores; between chunks one state is passed on.

    Args:
        values: (B, T, H, P).
        decay: (B, T, H), logarithms, at most 0.
        b: (B, T, N), shared by the heads.
        c: (B, T, N).
        chunk: L.
    """
    length = values.shape[1]
    fill = -length % chunk
    values, decay = F.pad(values, (0, 0, 0, 0, 0, fill)), F.pad(decay, (0, 0, 0, fill))
    b, c = F.pad(b, (0, 0, 0, fill)), F.pad(c, (0, 0, 0, fill))
    causal = torch.ones(chunk, chunk, dtype=torch.bool, device=values.device).tril()
    state = values.new_zeros(len(values), *values.shape[2:], b.shape[-1])  # (B, H, P, N)
    pieces = []
    for v, d, key, query in zip(*(torch.split(it, chunk, dim=1) for it in (values, decay, b, c)), strict=True):
        since = d.cumsum(1).transpose(1, 2)  # (B, H, L)
        between = (since.unsqueeze(-1) - since.unsqueeze(-2)).masked_fill(~causal, -torch.inf).exp()
        scores = (query @ key.mT).unsqueeze(1) * between  # (B, H, L, L)
        inside = scores @ v.transpose(1, 2)  # (B, H, L, P)
        before = query.unsqueeze(1) @ state.mT * since.exp().unsqueeze(-1)
        pieces.append((inside + before).transpose(1, 2))
        left = (since[..., -1:] - since).exp().unsqueeze(-1)  # What is left of each position at the chunk's end.
        state = state * since[..., -1:, None].exp() + (v.transpose(1, 2) * left).mT @ key.unsqueeze(1)
    return torch.cat(pieces, dim=1)[:, :length]


class Bidirectional(nn.Module):
    """Two mixers, one of which reads from right to left."""

    def __init__(self, shape: StateShape) -> None:
        super().__init__()
        self.onward, self.back = Mamba2(shape), Mamba2(shape)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D); each position sees all others."""
        out: Tensor = self.onward(x) + self.back(x.flip(1)).flip(1)
        return out


@dataclass(frozen=True, slots=True)
class HybridShape(Shape):
    """The sizes of a network with a mixer for each layer, the encoder's layers first."""

    mixers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        layers = self.encoder_layers + self.denoiser_layers
        if len(self.mixers) != layers or not set(self.mixers) <= set(MIXERS):
            raise ValueError(f"{layers} layers need as many mixers, each one of {', '.join(MIXERS)}")

    @classmethod
    def of(cls, shape: Shape, mixers: tuple[str, ...]) -> "HybridShape":
        """Return a shape with these mixers, and the width of the MLPs that keeps the number of parameters."""
        plain = {it.name: getattr(shape, it.name) for it in fields(Shape)}
        wide = cls(**plain, mixers=mixers)
        with torch.device("meta"):
            surplus = _size(HybridNetwork(wide)) - _size(Network(shape))
        each = 3 * shape.width * len(mixers)  # Parameters of the MLPs for each unit of their width.
        return replace(wide, mlp_width=max(8, shape.mlp_width - round(surplus / each)))

    @classmethod
    def load(cls, path: Path) -> "HybridShape":
        """Read the shape in a config.json, whose `mixers` say which layer has which.

        Raises:
            WeightsError: the file cannot be read, or does not describe such a network.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))["shape"]
            return cls(**{**values, "mixers": tuple(values["mixers"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"{path}: no configuration of a network with mixers ({error})") from error

    def save(self, path: Path) -> None:
        """Write a config.json."""
        path.write_text(json.dumps({"model_type": "infill-hybrid", "shape": asdict(self)}, indent=2), encoding="utf-8")

    @property
    def state(self) -> StateShape:
        """The sizes of a mixer: as many heads as attention has, and a state as wide as a head."""
        return StateShape(self.width, self.heads, self.head_width, self.head_width)


class MambaEncoderLayer(nn.Module):
    """A causal layer with a Mamba-2 mixer instead of attention."""

    def __init__(self, shape: HybridShape) -> None:
        super().__init__()
        self.mixer, self.mlp = Mamba2(shape.state), Mlp(shape)

    def forward(self, x: Tensor, rotary: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D); positions need no rotation."""
        x = x + self.mixer(norm(x))
        out: Tensor = x + self.mlp(norm(x))
        return out


class MambaDenoiserLayer(DenoiserLayer):
    """A layer whose canvas mixes by a bidirectional Mamba-2, and attends to the context alone."""

    def __init__(self, shape: HybridShape) -> None:
        super().__init__(shape)
        self.mixer = Bidirectional(shape.state)

    def forward(
        self, x: Tensor, rotary: Tensor, memory: Tensor, context_rotary: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """Run one layer over K canvases for each of B context rows; as in `DenoiserLayer`."""
        valid = attention_mask[..., memory.shape[1] :] == 0  # (B, K, 1, 1, C)
        x = x + self.mixer((norm(x) * valid[:, :, 0, 0].unsqueeze(-1)).flatten(0, 1)).view_as(x)
        itself = torch.eye(x.shape[2], device=x.device).repeat(self.attention.heads // self.attention.kv_heads, 1)
        alone = itself.log().expand(*attention_mask.shape[:3], -1, -1)  # 0 at a position itself, -inf elsewhere.
        seen = attention_mask[..., : memory.shape[1]].expand(*alone.shape[:-1], -1)
        return super().forward(x, rotary, memory, context_rotary, torch.cat([seen, alone], dim=-1))


class HybridNetwork(Network):
    """Encoder and denoiser with the mixer that the shape names for each layer."""

    def __init__(self, shape: HybridShape) -> None:
        super().__init__(shape)
        for number, mixer in enumerate(shape.mixers):
            if mixer == "mamba" and number < shape.encoder_layers:
                self.encoder[number] = MambaEncoderLayer(shape)
            elif mixer == "mamba":
                self.denoiser[number - shape.encoder_layers] = MambaDenoiserLayer(shape)

    def initialise(self, seed: int) -> "HybridNetwork":
        """Initialise the weights at random; what an ordinary network has too gets the same values."""
        self.load_state_dict(Network(self.shape).initialise(seed).state_dict(), strict=False)
        generator = torch.Generator().manual_seed(seed)
        for it in self.modules():
            if isinstance(it, Mamba2):
                it.initialise(generator)
        return self


def _size(network: nn.Module) -> int:
    return sum(it.numel() for it in network.parameters())
