"""Loads a model by its name or folder: the embedded kind, a denoiser, or a causal model."""

import os
import re
from pathlib import Path
from typing import Final, TypeAlias

from infill_model.catalogue import published
from infill_model.catalogue.hub import hub_folder, snapshot
from infill_model.checkpoints.causal import CausalInfiller
from infill_model.checkpoints.claims import CAUSAL, backend_of
from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.checkpoints.speculative import VerifiedInfiller, VerifyBy
from infill_model.coder.infiller import CoderInfiller
from infill_model.embedded.folder import MODEL_TYPE, model_path
from infill_model.errors import WeightsError
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.heap import given_back
from infill_model.filler import Filler, SharedFiller
from infill_model.infill.infiller import Infiller
from infill_model.infill.shared import SerialFiller, SharedInfiller
from infill_model.transformer.sequence import CacheMode

CONVERTED: Final = (".packed", ".safetensors")
"""Suffixes of converted files."""

AnyInfiller: TypeAlias = Infiller | CoderInfiller | OpenInfiller | CausalInfiller | VerifiedInfiller


def load(
    model: str | Path = "embedded",
    *,
    device: str = "auto",
    dtype: str = "auto",
    threads: int | None = None,
    reuse: str = "none",
    compiled: bool = False,
) -> AnyInfiller:
    """Load the model in a folder, by the type in its config.json; a hub name refers to a downloaded model.

    `reuse` (none, prefix, dual) and `compiled` apply to bidirectional models; others ignore them.

    Raises:
        WeightsError: the folder is missing, incomplete, damaged, or holds no supported model.
    """
    with given_back():
        return _loaded(model, device, dtype, threads, reuse, compiled)


def _loaded(model: str | Path, device: str, dtype: str, threads: int | None, reuse: str, compiled: bool) -> AnyInfiller:
    folder = _converted(str(model)) or model_path(model)
    if folder.is_file() and folder.suffix in CONVERTED:
        return CoderInfiller.load(folder, device=device.replace("spread", "auto"), dtype=dtype, threads=threads)
    if not folder.exists():
        found = snapshot(hub_folder(os.environ), str(model))
        if found is None and re.fullmatch(r"[\w.-]+/[\w.-]+", str(model)):
            raise WeightsError(
                f"{model}: no such model folder, and none of this name is downloaded (`infill-lsp models use {model}`)"
            )
        folder = found or folder
    checkpoint = Checkpoint.open(folder)
    backend = backend_of(checkpoint)
    if backend == MODEL_TYPE:
        device = "auto" if device == "spread" else device  # It is too small to be spread.
        return Infiller.load(folder, device=device, dtype=dtype, threads=threads)
    if backend == CAUSAL:
        return CausalInfiller.load(folder, device=device, dtype=dtype, threads=threads)
    return OpenInfiller.load(
        folder, device=device, dtype=dtype, threads=threads, reuse=CacheMode(reuse), compiled=compiled
    )


def _converted(name: str) -> Path | None:
    """Return the converted file of a published model; None for other names.

    Raises:
        WeightsError: the file is not on this machine.
    """
    file = published.converted_file(name)
    if file is not None and not file.exists():
        raise WeightsError(f"{name} is not on this machine; run `infill-lsp models use {name}`")
    return file


def load_verified(
    model: str | Path,
    verifier: str | Path,
    way: VerifyBy = "exact",
    *,
    device: str = "auto",
    dtype: str = "auto",
    threads: int | None = None,
    reuse: str = "none",
    compiled: bool = False,
) -> VerifiedInfiller:
    """Load a model that drafts, and a causal one that checks or ranks its drafts.

    Raises:
        WeightsError: one of them cannot be loaded, or the second is not a causal model.
    """
    checks = load(verifier, device=device, dtype=dtype, threads=threads)
    if not isinstance(checks, CausalInfiller):
        raise WeightsError(
            f"{verifier}: it is not a causal model with marks for filling in the middle, so it cannot check drafts; "
            "give one such as Qwen2.5-Coder"
        )
    drafts = load(model, device=device, dtype=dtype, threads=threads, reuse=reuse, compiled=compiled)
    return VerifiedInfiller(drafts, checks, way)


def shared(filler: Filler) -> SharedFiller:
    """Return a loaded model for several requests at once; only the embedded kind shares forwards."""
    return SharedInfiller(filler) if isinstance(filler, Infiller) else SerialFiller(filler)
