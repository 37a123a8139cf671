"""Plots of results: the reliability of confidence, and the cost of quality. They are drawn from plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from infill_model.evaluation.studies.calibration import Bin


@dataclass(frozen=True, slots=True)
class Point:
    """A way to fill: its milliseconds, its quality in per cent, and its name if it is to be labelled."""

    ms: float
    quality: float
    name: str = ""


def reliability(series: Mapping[str, Sequence["Bin"]], path: Path) -> None:
    """Plot the share that is right against confidence; a point's size reflects the number of items it represents."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(5.5, 5), dpi=120)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--", label="as sure as right")
    for colour, (name, found) in enumerate(series.items()):
        total = sum(it.count for it in found)
        sizes = [20 + 400 * it.count / max(1, total) for it in found]
        x, y = [it.confidence for it in found], [it.right for it in found]
        axes.plot(x, y, color=f"C{colour}", linewidth=1, label=f"{name} ({total:,})")
        axes.scatter(x, y, s=sizes, color=f"C{colour}", alpha=0.6)
    axes.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def frontier(points: Sequence[Point], best: Point, quality: str, path: Path) -> None:
    """Plot quality against milliseconds; points that none beats in both are joined, the chosen one is marked."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=120)
    axes.scatter([it.ms for it in points], [it.quality for it in points], s=14, color="0.65", label="grid")
    edge = [it for it in points if not any(o.ms < it.ms and o.quality >= it.quality for o in points)]
    edge.sort(key=lambda it: it.ms)
    axes.plot([it.ms for it in edge], [it.quality for it in edge], "C0o-", markersize=4, linewidth=1, label="frontier")
    axes.plot([best.ms], [best.quality], "C3*", markersize=14, label=best.name)
    axes.set(xlabel="milliseconds a fill, p50", ylabel=quality)
    axes.set_xscale("log")
    for formatted in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatted("{x:g}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="best")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
