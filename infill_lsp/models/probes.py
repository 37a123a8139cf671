"""`infill-lsp doctor --probe`: measures the speed of open checkpoints here and caches the newest result per size.

A separate process measures with random weights, so nothing is downloaded.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from infill_lsp.engine.process import engine_environment
from infill_lsp.errors import InfillError, SourceError
from infill_lsp.models import fit
from infill_lsp.models.measurements import Measurement, measure
from infill_lsp.settings import user_config
from infill_lsp.settings.settings import EngineCommand, EngineSettings
from infill_lsp.settings.user_config import cache_folder
from infill_model.catalogue import published
from infill_model.catalogue.sizes import SIZES, Probe, size_of, weight_bytes


class ProbeError(InfillError):
    """A model or size cannot be measured, and why."""

    exit_code = 1


def run(names: Sequence[str], settings: EngineSettings, engine: EngineCommand, *, as_json: bool) -> int:
    """Measure, store and print; return 0.

    Args:
        names: published models and sizes; if empty, the models that are here and the size worth measuring.
        settings: device, dtype and threads, for sizes; models are measured as the server runs them.
        engine: builds the command that starts an engine.
        as_json: print JSON.

    Raises:
        InfillError: something cannot be measured, or not stored.
    """
    here = [it.name for it in published.published() if it.name in names or (not names and published.is_current(it))]
    models = of_published(here, engine)
    sizes = [it for it in names if published.find(it) is None]
    found = measured(sizes or worth_it(settings), settings) if sizes or not names else ()
    path = keep(found)
    if as_json:
        print(
            json.dumps([*({"model": name, **asdict(it)} for name, it in models.items()), *map(asdict, found)], indent=2)
        )
    else:
        print("\n".join([*(_line(name, it) for name, it in models.items()), *_lines(found)]))
        print(f"\nKept in {path.parent}; `infill-lsp models` shows it.")
    return 0


def of_published(names: Sequence[str], engine: EngineCommand) -> dict[str, Measurement]:
    """Measure published models that are here, and store each result with its model.

    Raises:
        InfillError: a model is not here, or cannot be measured.
    """
    settings, found = user_config.load()[0].engine, {}
    for it in (it for it in published.published() if it.name in names):
        if not published.is_current(it):
            raise ProbeError(f"{it.name} is not here; `infill-lsp models use {it.name}` downloads and measures it")
        found[it.name] = measure(it, settings, engine)
    return found


def _line(name: str, it: Measurement) -> str:
    memory = f", {it.memory / 1e9:.1f} GB of memory" if it.memory else ""
    return f"{name}: {it.ms:.0f} ms a suggestion while typing on {it.device}, ready in {it.ready_ms:.0f} ms{memory}"


def worth_it(settings: EngineSettings) -> list[str]:
    """Return the smallest size and, on a GPU, all others that fit."""
    device, room = fit.device_memory(settings.device)
    if device == "cpu":
        return [SIZES[0].name]
    needed = {it.name: weight_bytes(it.parameters, settings.dtype) * fit.MARGIN for it in SIZES}
    return [name for name, size in needed.items() if name == SIZES[0].name or size < room]


def measured(sizes: Sequence[str], settings: EngineSettings) -> tuple[Probe, ...]:
    """Measure in a separate process.

    Raises:
        ProbeError: that process fails.
    """
    command = [sys.executable, "-P", "-m", "infill_model.checkpoints.probe", "--sizes", *sizes]
    command += ["--device", settings.device, "--dtype", settings.dtype, "--threads", str(settings.cpu_threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=engine_environment())
    if done.returncode != 0:
        raise ProbeError(done.stderr.strip().rpartition("\n")[2] or f"the probe ended with {done.returncode}")
    return tuple(Probe(**json.loads(line)) for line in done.stdout.splitlines())


def _lines(found: Sequence[Probe]) -> list[str]:
    lines = []
    for it in found:
        how = "all layers" if it.whole else "one layer, multiplied"
        compiled = ", compiled" if it.compiled else ""
        lines += [
            f"{it.size} in {it.dtype} on {it.device} ({how}{compiled}), random weights:",
            f"  2,048 tokens encoded      {it.prefill_ms:9.1f} ms",
            f"  a step, 32 masks, cached  {it.step_ms['32']:9.1f} ms, 64 masks {it.step_ms['64']:.1f} ms",
            f"  a step with 2,048 around  {it.uncached_ms['32']:9.1f} ms, 64 masks {it.uncached_ms['64']:.1f} ms",
            f"  reading the weights once  {it.floor_share:9.0%} of a cached step, at {it.bandwidth:.0f} GB/s",
        ]
    return lines


def stored() -> tuple[Probe, ...]:
    """Return all stored results; empty if the file is missing or of another version, as it can be measured again."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return tuple(Probe(**it) for it in found)
    except (OSError, ValueError, TypeError, RecursionError):
        return ()


def keep(new: Sequence[Probe]) -> Path:
    """Store measurements, replacing older ones of the same size, device and dtype.

    Raises:
        SourceError: the measurements cannot be written.
    """
    path = _file()
    known = {(it.size, it.device, it.dtype): it for it in (*stored(), *new)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(it) for it in known.values()], indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def of(parameters: float, known: Sequence[Probe]) -> Probe | None:
    """Return the newest measurement of the size to which a model with so many parameters belongs."""
    size = size_of(parameters)
    return next((it for it in reversed(known) if size and it.size == size.name), None)


def _file() -> Path:
    return cache_folder() / "probe.json"
