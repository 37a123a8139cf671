"""Draws how long the users of `bench load` waited."""

from collections.abc import Sequence
from pathlib import Path

from infill_lsp.errors import SettingError


def picture(path: Path, series: Sequence[tuple[str, Sequence[float]]]) -> None:
    """Draw, for each series, the share of answers that came within a time in milliseconds.

    Raises:
        SettingError: matplotlib is not installed, or the file's ending is none of a picture's.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # A second to import.
    except ImportError:
        raise SettingError("--picture needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, values in series:
        if values:
            axes.ecdf(list(values), label=name)
    axes.set(xlabel="milliseconds to the answer", ylabel="share of answers", xscale="log", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=150)
    except ValueError:
        raise SettingError(f"{path}: the ending is none of a picture's; .png and .svg are") from None
