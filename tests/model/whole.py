"""Logits at every canvas position, for tests that compare them."""

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.denoiser import ContextT, Denoiser


def whole_logits(denoiser: Denoiser[ContextT], context: ContextT, canvas: Canvas) -> Tensor:
    """Return logits (B, C, V)."""
    return denoiser.logits(context, canvas, torch.ones_like(canvas.pinned)).unflatten(0, canvas.ids.shape)


def whole_shadows(denoiser: Denoiser[ContextT], context: ContextT, canvas: Canvas) -> tuple[Tensor, Tensor]:
    """Return two logits tensors (B, C, V): plain, and as if each position alone were masked."""
    everywhere = torch.ones_like(canvas.pinned)
    plain, shadow = denoiser.logits_with_shadow(context, canvas, everywhere, everywhere)
    return plain.unflatten(0, canvas.ids.shape), shadow.unflatten(0, canvas.ids.shape)
