"""`infill-lsp bench`: the measurements, one module of `infill_lsp.bench` for each."""

import argparse
from typing import Final

from infill_lsp.cli.commands import Command, add_commands
from infill_lsp.errors import SourceError
from infill_lsp.settings.settings import EngineCommand
from infill_model.errors import InfillModelError

_COMMANDS: Final = (
    Command("fill", "fill speed compared with its controls", "infill_lsp.bench.speed"),
    Command("documents", "the server's time and memory for large documents and folders", "infill_lsp.bench.documents"),
    Command("critic", "how often the syntax critic acts, and what that costs", "infill_lsp.bench.critic"),
    Command("judge", "how often the judge of meaning objects to code that people wrote", "infill_lsp.bench.judge"),
    Command("typing", "type lines of files key by key, and judge what is shown", "infill_lsp.bench.typing"),
    Command("replay", "type files at a typist's pace, and time each suggestion", "infill_lsp.bench.replay.command"),
    Command(
        "next-edits",
        "what is offered after a change, against what it calls for",
        "infill_lsp.bench.next_edits.command",
    ),
    Command("tasks", "fill the gaps of a task file as they would be filled in an editor", "infill_lsp.bench.tasks"),
    Command("load", "simulated users of a server for a team: how long they wait", "infill_lsp.bench.load"),
    Command("sweep", "quality against milliseconds over a grid of options", "infill_lsp.bench.sweep"),
)


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the measurements as sub-commands."""
    add_commands(flags, _COMMANDS, flags.get_default("words"), run="run_bench", required=True)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Run the chosen measurement; return the exit code.

    Raises:
        InfillError: it cannot be run.
    """
    try:
        code: int = chosen.run_bench(chosen, engine)
    except InfillModelError as error:
        raise SourceError(str(error)) from error
    return code
