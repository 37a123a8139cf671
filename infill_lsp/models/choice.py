"""Chooses the model if `infill.model` is `auto`: the largest that is here, fits in memory and answers in time.

Reads a few small files and loads no model.
"""

from dataclasses import dataclass, replace
from typing import Final

from infill_lsp.models import fit
from infill_lsp.models.measurements import Measurement, measured
from infill_lsp.settings.settings import AUTO, EngineSettings, ServerSettings
from infill_model.catalogue import published
from infill_model.catalogue.published import Published

EMBEDDED: Final = "embedded"

_ENGINE: Final = 600_000_000
"""Bytes that an engine takes in addition to a model: torch, keys and values."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A published model on this machine.

    Attributes:
        model: the model.
        here: whether it can be loaded.
        measured: its measurement on this machine; None if it was not measured with these settings.
        problem: why `auto` does not take it, as the end of a sentence; empty if it may.
    """

    model: Published
    here: bool
    measured: Measurement | None
    problem: str

    @property
    def cost(self) -> str:
        """The model's size, memory and time."""
        it, memory = self.model, memory_needed(self.model, self.measured)
        time = f"{self.measured.ms:.0f} ms a suggestion here" if self.measured else "not measured here"
        disk = f"{(it.size + it.packed) / 1e9:.1f} GB of disk"
        download = "" if self.here else f"{it.size / 1e9:.2f} GB to download, "
        return f"{download}{disk}, {memory / 1e9:.1f} GB of memory, {time}"


def memory_needed(it: Published, found: Measurement | None = None) -> float:
    """Return the bytes that an engine with a model takes, measured if possible, else estimated."""
    return found.memory if found and found.memory else it.packed * fit.MARGIN + _ENGINE


def candidates(settings: ServerSettings) -> tuple[Candidate, ...]:
    """Return all published models, the largest first."""
    _, room = fit.device_memory("cpu")
    return tuple(_candidate(it, settings, room) for it in published.published())


def _candidate(it: Published, settings: ServerSettings, room: float) -> Candidate:
    here, found = published.is_current(it), measured(it, settings.engine)
    return Candidate(it, here, found, _problem(it, settings, room, here=here, found=found))


def _problem(it: Published, settings: ServerSettings, room: float, *, here: bool, found: Measurement | None) -> str:
    needed = memory_needed(it, found)
    if not here:
        return f"is not here (`infill-lsp models use {it.name}`)"
    if room and needed > room:
        return f"needs {needed / 1e9:.1f} GB of memory, but only {room / 1e9:.1f} GB are available"
    if found is None:
        return f"was not measured on this machine (`infill-lsp doctor --probe {it.name}`)"
    if found.ms > settings.budget.larger:
        limit = f"infill.budget.larger ({settings.budget.larger} ms)"
        again = f"`infill-lsp doctor --probe {it.name}` measures again, best while nothing else runs"
        return f"took {found.ms:.0f} ms for a suggestion, more than {limit}; {again}"
    return ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that the server runs, and the reason, as a sentence."""

    model: str
    why: str


def choose(settings: ServerSettings) -> Choice:
    """Return the model from the settings; for `auto`, the largest suitable one."""
    if settings.engine.model != AUTO:
        return Choice(settings.engine.model, f"infill.model is set to {settings.engine.model}.")
    found = candidates(settings)
    for it in found:
        if not it.problem and it.measured:
            return Choice(it.model.name, f"{it.model.name} is the largest model that answers in time here.")
    reasons = "; ".join(f"{it.model.name} {it.problem}" for it in found)
    return Choice(EMBEDDED, f"The embedded model answers: {reasons}." if reasons else "There is no other model.")


def resolved(settings: ServerSettings) -> ServerSettings:
    """Return the same settings with `auto` replaced by the chosen model."""
    return replace(settings, model=choose(settings).model)


def engine_settings(settings: ServerSettings) -> EngineSettings:
    """Return the settings that the engine is started with."""
    return resolved(settings).engine
