"""DiffusionGemma, native in transformers: a causal encoder, and a decoder that sees a whole canvas of noise.

There is no mask token. For a mask on the canvas the decoder sees a random token, a new one in each step; pinned and
committed tokens are shown unchanged, as if written back after the reference's renoising. The code after the gap is
pinned on the canvas. The last step's prediction conditions the next one. Tokens are committed as far as the entropy
bound allows, and a fill ends when nothing changes any more, as in the reference's sampler.
Reference: transformers 5.23, models/diffusion_gemma (Apache-2.0).
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.stop import Stable
from infill_model.denoising.unmask import EntropyBound
from infill_model.errors import WeightsError
from infill_model.families.family import Family, OpenDenoiser
from infill_model.files.checkpoint import Checkpoint, read_json
from infill_model.files.checks import check_numbers
from infill_model.files.id_map import IdMap, Ids
from infill_model.transformer.sequence import CanvasRow, SequenceContext, forbidden_at, padded, row_of, shadow_rows
from infill_model.vocabulary import MASK, PAD

if TYPE_CHECKING:
    from transformers import DynamicCache
    from transformers.models.diffusion_gemma import DiffusionGemmaForBlockDiffusion

HOTTEST: Final = 0.8
COOLEST: Final = 0.4
STEPS: Final = 48
"""The temperature falls from the former to the latter in this many steps (generation_config.json)."""


@dataclass(slots=True)
class State:
    """The state of one canvas between steps: the encoded code before it, and the last step's prediction."""

    cache: "DynamicCache"
    noise: torch.Generator
    before: Tensor | None = None
    steps: int = 0


@dataclass(frozen=True, slots=True)
class GemmaContext(SequenceContext):
    """A context with a state for each row."""

    states: tuple[State, ...] = field(default=())


class GemmaDenoiser:
    """`family.OpenDenoiser` over transformers' network; not thread-safe."""

    def __init__(
        self, network: "DiffusionGemmaForBlockDiffusion", id_map: IdMap, canvas: int, breaks: Sequence[int] = ()
    ) -> None:
        """Set up.

        Args:
            network: from transformers.
            id_map: between the checkpoint's ids and the canvas's.
            canvas: the number of positions it was trained to denoise at once.
            breaks: canvas ids of the tokens with a line break.
        """
        self._model, self.id_map, self.canvas = network, id_map, canvas
        self._breaks = torch.tensor(breaks, dtype=torch.int64, device=network.device)

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self._model

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return torch.device(self._model.device)

    @property
    def size(self) -> int:
        """The number of ids in the checkpoint's weights."""
        return int(self._model.lm_head.weight.shape[0])

    def move(self) -> None:
        """Move the accompanying tensors to the network's device."""
        self.id_map, self._breaks = IdMap(self.id_map.ids, self.device), self._breaks.to(self.device)

    @torch.no_grad()
    def encode(self, contexts: Sequence[Sequence[int]]) -> GemmaContext:
        """Encode the code before each canvas; canvases of the same gap share it."""
        rows = [CanvasRow(*row_of(self.id_map, it), None) for it in contexts]
        known: dict[tuple[int, ...], DynamicCache] = {}
        states = []
        for row in rows:
            left = tuple(row.left.tolist())
            if left not in known:
                known[left], _ = self.prefix(row.left.unsqueeze(0))
            states.append(State(known[left], torch.Generator().manual_seed(0)))
        return GemmaContext(tuple(rows), states=tuple(states))

    def prefix(
        self, ids: Tensor, mask: Tensor | None = None, cache: "DynamicCache | None" = None
    ) -> tuple["DynamicCache", Tensor]:
        """Encode clean tokens (B, n) after those in a cache; return the cache and the encoder's states (B, n, D)."""
        from transformers import DynamicCache  # noqa: PLC0415  # Only where such a model is loaded.

        cache = cache or DynamicCache(config=self._model.config.get_text_config(decoder=True))
        out = self._model.model.encoder(input_ids=ids, attention_mask=mask, past_key_values=cache)
        return cache, out.last_hidden_state

    def step(
        self, cache: "DynamicCache", ids: Tensor, before: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return (B, C, V) float32 logits of a canvas (B, C) of the checkpoint's ids.

        Args:
            cache: of the code before the canvas.
            ids: the canvas.
            before: (B, C, V), the previous step's logits with temperature applied; None in the first step.
            mask: (B, P + C), 0 where the prefix is padding.
        """
        states = self._model.model.decoder(
            decoder_input_ids=ids, past_key_values=cache, self_conditioning_logits=before, decoder_attention_mask=mask
        ).last_hidden_state
        return self.capped(states)

    def capped(self, states: Tensor) -> Tensor:
        """Map (..., D) to (..., V) float32 logits with a soft cap."""
        cap = float(self._model.final_logit_softcapping)
        out: Tensor = (self._model.lm_head(states).float() / cap).tanh() * cap
        return out

    @torch.no_grad()
    def logits(self, context: SequenceContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, RESERVED + V) float32 where `where` (B, C) is true, at this step's temperature."""
        if not isinstance(context, GemmaContext):
            raise TypeError("this context was encoded by another denoiser")
        active = where.any(1).tolist()
        groups: dict[tuple[int, int], list[int]] = {}
        for number, state in enumerate(context.states):
            if active[number]:
                groups.setdefault((id(state.cache), state.steps), []).append(number)
        found: dict[int, Tensor] = {}
        for group in groups.values():
            shown = [self._shown(canvas.ids[it], context.rows[it], context.states[it]) for it in group]
            logits = self._together(shown, [context.states[it] for it in group])
            found |= {it: own[: where.shape[1]][where[it, : len(own)]] for it, own in zip(group, logits, strict=True)}
        out = self.id_map.outward(torch.cat([found[it] for it in sorted(found)]))
        forbidden = forbidden_at(context, where, out.shape[1], self._breaks)
        return out if forbidden is None else out.masked_fill_(forbidden, -torch.inf)

    def _together(self, shown: Sequence[Tensor], states: Sequence[State]) -> list[Tensor]:
        """Return tempered logits (C, V) of each canvas, in one forward pass; all share a prefix and a step number."""
        first = states[0]
        ids, real = padded(shown)
        before = None
        if first.before is not None:
            before = pad_sequence([it.before for it in states if it.before is not None], batch_first=True)
        mask = None
        if not real.all():
            mask = torch.cat([real.new_ones(len(shown), first.cache.get_seq_length()), real], dim=1).long()
        logits = self.step(widened(first.cache, len(shown)), ids, before, mask) / temperature(first.steps)
        own = [it[: len(canvas)] for it, canvas in zip(logits, shown, strict=True)]
        for state, it in zip(states, own, strict=True):
            state.before = it.to(self._model.dtype)
            state.steps += 1
        return own

    def _shown(self, ids: Tensor, row: CanvasRow, state: State) -> Tensor:
        """Return the decoder's input (n,): noise for masks, and the code after the gap as far as the canvas reaches."""
        ids = ids[ids != PAD]
        noise = torch.randint(self.size, ids.shape, generator=state.noise).to(ids.device)
        own = torch.where(ids == MASK, noise, self.id_map.inward(ids))
        return torch.cat([own, row.right[: max(self.canvas - len(own), 0)]])

    @torch.no_grad()
    def logits_with_shadow(
        self, context: SequenceContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the logits, and those of each position as if it alone were noise; each is a canvas of its own."""
        if not isinstance(context, GemmaContext):
            raise TypeError("this context was encoded by another denoiser")
        rows, masked, alone = shadow_rows(canvas, shadows)
        old = [context.states[row] for row in rows]
        copies = [State(it.cache, it.noise.clone_state(), it.before, it.steps) for it in old]
        plain = self.logits(context, canvas, where)
        if not rows:
            return plain, plain[:0]
        around = GemmaContext(tuple(context.rows[row] for row in rows), context.forbidden, states=tuple(copies))
        return plain, self.logits(around, masked, alone)


def widened(cache: "DynamicCache", times: int) -> "DynamicCache":
    """Expand the keys and values for several canvases, without a copy: the decoder only reads them."""
    from transformers.cache_utils import CacheLayerMixin  # noqa: PLC0415  # Installed, because the model is loaded.

    if times == 1:
        return cache
    wide = copy.copy(cache)
    wide.layers = [copy.copy(it) for it in cache.layers]
    for it in wide.layers:
        if isinstance(it, CacheLayerMixin) and it.keys is not None and it.values is not None:
            it.keys, it.values = it.keys.expand(times, -1, -1, -1), it.values.expand(times, -1, -1, -1)
    return wide


def temperature(step: int, steps: int = STEPS) -> float:
    """Return the temperature of a step; the first step is 0."""
    return COOLEST + (HOTTEST - COOLEST) * max(steps - step, 1) / steps


def ids(checkpoint: Checkpoint) -> Ids:
    """Return the ids; there is no mask, so the padding's id, which is never predicted, stands for it."""
    text = checkpoint.config.part("text_config")
    path = checkpoint.folder / "generation_config.json"
    stored = read_json(path).get("eos_token_id") if path.exists() else None
    ends = [it for it in stored if isinstance(it, int)] if isinstance(stored, list) else []
    end = text.number("eos_token_id", 1)
    begin = text.number("bos_token_id", 2)
    never = tuple(it for it in (*ends, begin) if it != end)
    return Ids(mask=text.number("pad_token_id", 0), end=end, never=never, begin=begin)


@dataclass(frozen=True, slots=True, kw_only=True)
class GemmaFamily(Family):
    """Loads transformers' network; the code is transformers' own, none comes with the checkpoint."""

    def denoiser(
        self, checkpoint: Checkpoint, ids: Ids, breaks: Sequence[int], dtype: torch.dtype, device: str
    ) -> OpenDenoiser:
        """Load the weights."""
        checkpoint.weight_files()
        try:
            from transformers.models.diffusion_gemma import DiffusionGemmaForBlockDiffusion  # noqa: PLC0415
        except ImportError as error:
            raise WeightsError(
                "DiffusionGemma needs transformers 5.23 or newer: `pip install 'infill-lsp[checkpoints]'`"
            ) from error
        try:
            network = DiffusionGemmaForBlockDiffusion.from_pretrained(
                checkpoint.folder, dtype=dtype, use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            first = str(error).strip().splitlines()[0]
            raise WeightsError(
                f"{checkpoint.folder}: transformers cannot load it ({first}); download it again"
            ) from error
        check_numbers(checkpoint.folder, network.named_parameters())
        nn.Module.to(network, device)
        nn.Module.eval(network)
        network.requires_grad_(False)
        return GemmaDenoiser(network, IdMap(ids, device), checkpoint.config.number("canvas_length", 256), breaks)


FAMILY = GemmaFamily(
    name="diffusion-gemma",
    claims=lambda it: it.config.model_type == "diffusion_gemma",
    ids=ids,
    lengths="lengths",
    block=None,
    unmask=EntropyBound(0.1),
    stop=Stable(1, 0.005),
)
