"""Checks whether a model folder can be read without blocking forever, and whether its weights are numbers.

Native code that reads a named pipe or a device blocks in the middle of the process, and a network with a single NaN
loads like any other and writes nothing.
"""

import stat
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from infill_model.errors import WeightsError


def check_folder(folder: Path) -> None:
    """Check that a folder contains only files and folders; links are followed.

    Raises:
        WeightsError: it is not a folder, or it contains a named pipe, a socket or a device.
    """
    if not folder.is_dir():
        raise WeightsError(f"{folder}: no such model folder; give `embedded` or a folder with config.json in it")
    try:
        paths = sorted(it for it in folder.iterdir() if it.exists())
        wrong = [it for it in paths if not (stat.S_ISREG(it.stat().st_mode) or it.is_dir())]
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be read ({error.strerror})") from error
    if wrong:
        raise WeightsError(f"{wrong[0]}: is not a regular file, so it cannot belong to a model; remove it")


def check_numbers(path: Path, weights: Iterable[tuple[str, Tensor]]) -> None:
    """Check that all weights are finite; weights on the meta device cannot be checked.

    Raises:
        WeightsError: a weight is not finite.
    """
    for name, tensor in weights:
        if tensor.is_floating_point() and tensor.element_size() > 1 and not tensor.is_meta and not _is_finite(tensor):
            raise WeightsError(
                f"{path}: the weights are damaged: {name} contains values that are not finite; download it again"
            )


def _is_finite(tensor: Tensor) -> bool:
    """Report whether all are finite: one that is not makes the sum so, and a sum takes no memory."""
    return bool(torch.isfinite(tensor.sum(dtype=torch.float64 if tensor.device.type == "cpu" else torch.float32)))
