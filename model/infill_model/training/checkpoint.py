"""Checkpoints of a training run: safetensors and JSON, written atomically.

A run folder holds log.jsonl and `step-NNNNNNN/` folders with the weights, averaged weights, optimiser state and
state.json.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from infill_model.embedded.network import Network
from infill_model.errors import TrainingError
from infill_model.training.optimiser import Optimiser

KEPT = 2


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The progress of a run: steps done, tokens seen (context and canvas), seconds of training."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


def save(
    run: Path,
    progress: TrainingProgress,
    network: Network,
    average: Network,
    optimiser: Optimiser,
    *,
    keep: bool = False,
) -> Path:
    """Write a checkpoint and delete all but the newest few; one written with `keep` is never deleted."""
    folder = run / f"step-{progress.step:07d}"
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, it in (("weights", network), ("average", average)):
        save_file({key: p.detach().contiguous() for key, p in it.named_parameters()}, partial / f"{name}.safetensors")
    save_file({name: it.contiguous() for name, it in optimiser.state().items()}, partial / "optimiser.safetensors")
    (partial / "state.json").write_text(json.dumps({**asdict(progress), "keep": keep}) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    dropped = [it for it in checkpoints(run) if not json.loads((it / "state.json").read_text())["keep"]][:-KEPT]
    for old in dropped:
        shutil.rmtree(old)
    return folder


def checkpoints(run: Path) -> list[Path]:
    """Return the complete checkpoints of a run, oldest first."""
    return sorted(it for it in run.glob("step-*") if it.suffix != ".partial" and (it / "state.json").exists())


def latest(run: Path) -> Path | None:
    """Return the newest complete checkpoint of a run."""
    found = checkpoints(run)
    return found[-1] if found else None


def restore(folder: Path, network: Network, average: Network, optimiser: Optimiser) -> TrainingProgress:
    """Load a checkpoint into a network, the average of its weights, and its optimiser.

    Raises:
        TrainingError: the checkpoint is damaged or belongs to a network of another shape.
    """
    try:
        network.load_state_dict(load_file(folder / "weights.safetensors"))
        average.load_state_dict(load_file(folder / "average.safetensors"))
        optimiser.restore(load_file(folder / "optimiser.safetensors"))
        values = json.loads((folder / "state.json").read_text())
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise TrainingError(f"{folder}: cannot resume from this checkpoint ({str(error).splitlines()[0]})") from error
    return TrainingProgress(values["step"], values["tokens"], values["seconds"])
