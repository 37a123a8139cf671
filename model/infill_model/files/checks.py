"""Whether a model folder can be read without waiting for ever, and whether its weights are numbers.

Native code that reads a named pipe or a device waits in the middle of the process, and a network with one NaN in it is
as ready as any other and writes nothing.
"""

import stat
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from infill_model.errors import WeightsError


def check_folder(folder: Path) -> None:
    """See that what is in a folder is files and folders; a link is what it leads to.

    Raises:
        WeightsError: it is no folder, or there is a named pipe, a socket or a device in it.
    """
    if not folder.is_dir():
        raise WeightsError(f"{folder}: no such model folder; give `embedded` or a folder with config.json in it")
    try:
        paths = sorted(it for it in folder.iterdir() if it.exists())
        wrong = [it for it in paths if not (stat.S_ISREG(it.stat().st_mode) or it.is_dir())]
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be read ({error.strerror})") from error
    if wrong:
        raise WeightsError(f"{wrong[0]}: is not a regular file, so it is no part of a model; take it away")


def check_numbers(path: Path, weights: Iterable[tuple[str, Tensor]]) -> None:
    """See that all weights are finite; of those that lie elsewhere, on no device, nothing is known.

    Raises:
        WeightsError: one of them is not.
    """
    for name, tensor in weights:
        if tensor.is_floating_point() and tensor.element_size() > 1 and not tensor.is_meta and not _is_finite(tensor):
            raise WeightsError(f"{path}: the weights are damaged, {name} holds values that are no numbers; fetch again")


def _is_finite(tensor: Tensor) -> bool:
    """Whether all are: one that is not makes their sum so, and a sum takes no memory."""
    return bool(torch.isfinite(tensor.sum(dtype=torch.float64 if tensor.device.type == "cpu" else torch.float32)))
