"""`infill-model curves`: plot the losses of a run from its log."""

import argparse
import json
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from infill_model.errors import TrainingError

SMOOTHED = 50
"""Steps averaged into one point."""


def add_curves_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model curves`."""
    parser.add_argument("--run", dest="folder", type=Path, required=True, metavar="DIR", help="folder with a log.jsonl")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")


def curves(arguments: argparse.Namespace) -> None:
    """Plot training and held-out losses against tokens seen.

    Raises:
        TrainingError: there is no log, or the log is empty.
    """
    rows = read_log(arguments.folder / "log.jsonl")
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=120)
    for key, name, colour in (("canvas_loss", "canvas", "C0"), ("next_token_loss", "next token", "C1")):
        tokens, losses = _smooth(rows, key)
        axes.plot(tokens, losses, colour, linewidth=1, label=f"{name}, training")
        held = [(row["tokens"] / 1e6, row[f"held_out_{key}"]) for row in rows if f"held_out_{key}" in row]
        if held:
            axes.plot(*zip(*held, strict=True), f"{colour}o--", markersize=3, label=f"{name}, held-out projects")
    axes.set(xlabel="context and canvas tokens seen, millions", ylabel="nats per token")
    axes.set_ylim(top=min(axes.get_ylim()[1], 7.0))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(arguments.out)


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows of a log, each step once: where a run was killed and resumed, the later row counts.

    Raises:
        TrainingError: there is no log, or the log is empty.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot read the log of a run ({error})") from error
    if not rows:
        raise TrainingError(f"{path}: the log is empty")
    last = {row["step"]: row for row in rows}
    return [last[step] for step in sorted(last)]


def _smooth(rows: list[dict[str, float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens (n,), in millions, and mean losses (n,)."""
    count = max(1, len(rows) // SMOOTHED)
    parts = np.array_split(np.array([(row["tokens"] / 1e6, row[key]) for row in rows]), count)
    means = np.array([part.mean(axis=0) for part in parts])
    return means[:, 0], means[:, 1]
