"""Chooses the device that a model runs on."""

import torch

from infill_model.errors import WeightsError


def available_device(wanted: str) -> str:
    """Return the device of this name, or the best for `auto`.

    Raises:
        WeightsError: the installed torch has no such device.
    """
    there = ("cuda",) * torch.cuda.is_available() + ("mps",) * torch.backends.mps.is_available() + ("cpu",)
    if wanted not in ("auto", *there):
        raise WeightsError(f"the device {wanted!r} is not available; this torch has {', '.join(there)}")
    return there[0] if wanted == "auto" else wanted
