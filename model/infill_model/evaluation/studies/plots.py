"""Plots of results: the reliability of confidence, and the cost of quality. They are drawn from plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

if TYPE_CHECKING:
    from infill_model.evaluation.studies.calibration import Bin
    from infill_model.evaluation.studies.dial import DialSeries


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


def latency(waits: Mapping[str, Sequence[float]], parts: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Plot the share of keys answered against milliseconds, and below that what the milliseconds are spent on.

    Args:
        waits: milliseconds from key to answer, infinite for keys without one, by the name of a curve.
        parts: mean milliseconds by part, by the name of a bar.
        path: of the picture; its suffix decides the format.
    """
    mpl.use("Agg")
    height = 3.6 + 0.6 + 0.3 * len(parts)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(8, height), dpi=120, height_ratios=(3.6, 0.6 + 0.3 * len(parts))
    )
    for name, values in waits.items():
        known = sorted(it for it in values if it < float("inf"))
        shares = [100 * number / len(values) for number in range(1, len(known) + 1)]
        above.step(known, shares, where="post", linewidth=1.2, label=name)
    for limit in (50, 100, 150, 300):
        above.axvline(limit, color="0.85", linewidth=0.8, zorder=0)
    above.set(xlabel="milliseconds after the key", ylabel="% of keys answered", xlim=(0, 400), ylim=(0, 100))
    above.legend(loc="upper left", fontsize="small")
    names = list(parts)
    left = [0.0] * len(names)
    for part in dict.fromkeys(part for its in parts.values() for part in its):
        widths = [max(0.0, parts[name].get(part, 0.0)) for name in names]
        below.barh(names, widths, left=left, label=part, height=0.7)
        left = [at + width for at, width in zip(left, widths, strict=True)]
    below.invert_yaxis()
    below.set(xlabel="milliseconds of an answer that the engine made, means")
    below.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def dial(columns: Mapping[str, Sequence["DialSeries"]], path: Path) -> None:
    """Plot exact match and similarity against milliseconds, a column for each title, with the frontier behind."""
    mpl.use("Agg")
    figure, grid = plt.subplots(
        2, len(columns), figsize=(5 * len(columns), 8), dpi=90, sharex="col", squeeze=False, layout="constrained"
    )
    for column, (title, series) in enumerate(columns.items()):
        grid[0][column].set_title(title, fontsize=10)
        grid[1][column].set(xlabel="milliseconds a fill, p50")
        for axes, quality in zip((grid[0][column], grid[1][column]), ("exact", "similarity"), strict=True):
            edge = _edge([(it.ms, getattr(it, quality)) for its in series for it in its.points])
            axes.step(*zip(*edge, strict=True), where="post", color="0.8", linewidth=5, label="the frontier")
            for number, its in enumerate(series):
                xs, ys = [it.ms for it in its.points], [getattr(it, quality) for it in its.points]
                style = "o-" if its.joined else "sD^vPX*h"[number % 8]
                axes.plot(xs, ys, style, color=f"C{number % 10}", markersize=5, linewidth=1, label=its.name)
                for it, y in zip(its.points, ys, strict=True):
                    if its.joined or (it.ms, y) in edge:
                        axes.annotate(it.label, (it.ms, y), (3, 3), textcoords="offset points", fontsize=6)
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.grid(alpha=0.3)
        grid[1][column].legend(fontsize=7, loc="best")
    for axes, name in zip(grid[:, 0], ("exact match, %", "edit similarity, %"), strict=True):
        axes.set_ylabel(name)
    figure.savefig(path)
    plt.close(figure)


def _edge(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that no other one beats in speed and quality, the fastest first."""
    return sorted(it for it in points if not any(o[0] < it[0] and o[1] >= it[1] for o in points))
