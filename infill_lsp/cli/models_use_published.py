"""`infill-lsp models use base`: fetches a published model if it is not here, converts it, measures it, and sets it.

A model that is here is not fetched again; a damaged or outdated converted file is made again from the fetched one.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType

from infill_lsp.cli.models_use import ask_terminal
from infill_lsp.errors import InfillError
from infill_lsp.models import convert, fetch, measurements
from infill_lsp.models.fetch import FetchPlan
from infill_lsp.models.lock import locked
from infill_lsp.models.measurements import Measurement
from infill_lsp.models.progress import Bar, JsonProgress, ProgressDisplay
from infill_lsp.settings import user_config
from infill_lsp.settings.settings import EngineCommand
from infill_model.catalogue.published import Published


@dataclass(frozen=True, slots=True)
class UseCommand:
    """A request to use a published model.

    Attributes:
        model: the model to use.
        yes: download without asking.
        as_json: report progress as lines of JSON, and stop when standard input ends.
        auto: leave the choice between this model and others to `infill.model` = `auto`.
        keep_source: whether to keep the GGUF file; without it, a damaged converted file costs another download.
    """

    model: Published
    yes: bool
    as_json: bool
    auto: bool
    keep_source: bool


def run(command: UseCommand, engine: EngineCommand, ask: Callable[[str], bool] = ask_terminal) -> int:
    """Fetch and convert the model as needed, and set it; return 0, or 1 if the user declined the download.

    Raises:
        InfillError: it cannot be fetched or converted; the model in use stays as it is.
    """
    with ExitStack() as stack:
        if command.as_json:
            _stop_with_input()
        progress: ProgressDisplay = JsonProgress() if command.as_json else stack.enter_context(Bar())
        stack.enter_context(locked(command.model.folder))
        try:
            if not _have(command, progress, ask):
                progress.say("Nothing was downloaded, and nothing was changed.")
                return 1
            found = _measured(command.model, engine, progress)
        except KeyboardInterrupt:
            progress.say("Stopped; the partial download is kept, and the same command resumes it.")
            raise
    for sentence in _set(command, found):
        progress.say(sentence)
    return 0


def _have(command: UseCommand, progress: ProgressDisplay, ask: Callable[[str], bool]) -> bool:
    """Ensure that the converted file is here; return False if the user declines the download."""
    it = command.model
    state = convert.state(it)
    if state == "current":
        progress.say(f"{it.name} is here: {it.converted}")
        return True
    if it.source.exists() and it.source.stat().st_size == it.size:
        progress.say(f"The converted file of {it.name} is {state}; it is converted again from {it.source}.")
    elif not _fetched(command, progress, ask):
        return False
    convert.convert(it, progress)
    if not command.keep_source:
        it.source.unlink()
    progress.say(_disk(it))
    return True


def _fetched(command: UseCommand, progress: ProgressDisplay, ask: Callable[[str], bool]) -> bool:
    """Describe the model, ask, and fetch it; return False if the user declines."""
    plan = fetch.plan(command.model)
    fetch.check_room(plan)
    for sentence in _described(plan):
        progress.say(sentence)
    if not (command.yes or ask("Download it?")):
        return False
    fetch.fetch(plan, progress)
    return True


def _described(plan: FetchPlan) -> list[str]:
    it = plan.model
    lines = [
        f"{it.name} is {it.parent}: {it.parameters / 1e9:.2f} B parameters, licence {it.licence}, "
        f"{plan.size / 1e6:,.0f} MB to download.",
        f"Source: {plan.place}.",
        f"It goes to {it.folder}: {it.size / 1e9:.2f} GB as published (--drop-source deletes it afterwards), and about "
        f"{it.packed / 1e9:.2f} GB converted for this machine. Nothing that is downloaded is executed.",
    ]
    if plan.why:
        lines.insert(1, f"It does not come from the hub: {plan.why}.")
    return lines


def _disk(it: Published) -> str:
    """Describe how much disk space the files take."""
    converted = f"{it.converted.stat().st_size / 1e9:.2f} GB for the converted file"
    if not it.source.exists():
        return f"On disk: {converted} in {it.folder}."
    published = f"{it.source.stat().st_size / 1e9:.2f} GB as published, to convert it again after an update"
    return f"On disk: {converted}, {published}, in {it.folder}."


def _measured(it: Published, engine: EngineCommand, progress: ProgressDisplay) -> Measurement | None:
    """Measure the model unless that was done before; return None if it cannot be measured."""
    settings = user_config.load()[0].engine
    if known := measurements.measured(it, settings):
        return known
    progress.say("Measuring its speed on this machine, which takes some seconds.")
    try:
        return measurements.measure(it, settings, engine)
    except InfillError as error:
        progress.say(f"{it.name} could not be measured, so `auto` will not choose it: {error}")
        return None


def _set(command: UseCommand, found: Measurement | None) -> list[str]:
    """Set the model, and describe the consequences; the last sentence must make sense alone."""
    it, limit = command.model, user_config.load()[0].budget.larger
    speed = f"a suggestion while you type takes {found.ms:.0f} ms" if found else "its speed could not be measured"
    slow = found is not None and found.ms > limit
    if command.auto:
        taken = "so the built-in model stays in use" if slow or not found else "and it answers from now on"
        return [f"{it.name} is here: {speed}, {taken}."]
    path = user_config.choose(it.name)
    lines = [
        f"The server runs {it.name} ({path}): {speed}. `infill.model` in an editor's settings takes precedence over it."
    ]
    if slow:
        lines.append(f"That is slow: `infill-lsp models use auto` takes the largest model within {limit} ms.")
    return lines


def _stop_with_input() -> None:
    """End as on Ctrl-C when standard input ends: the process at its other end is gone, or wants this one to stop."""

    def terminated(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def wait() -> None:
        while os.read(0, 1024):  # Not through sys.stdin, whose lock would block the interpreter at exit.
            pass
        os.kill(os.getpid(), signal.SIGTERM)  # Wakes the main thread even if it is waiting for the network.

    signal.signal(signal.SIGTERM, terminated)
    threading.Thread(target=wait, daemon=True).start()
