"""Commands as modules: each declares its flags and runs itself, and is imported only where it is named.

Declaring flags and importing what a command needs takes time, and `--help` is to be there at once.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from infill_lsp.settings.settings import EngineCommand


class CommandModule(Protocol):
    """What the module of a command has."""

    def declare(self, flags: argparse.ArgumentParser) -> None:
        """Declare its flags."""

    def run(self, chosen: argparse.Namespace, engine: EngineCommand) -> int:
        """Run it; returns the exit code.

        Raises:
            InfillError: what was asked cannot be done.
        """


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, what it does, and the module that does it."""

    name: str
    help: str
    module: str


def add_commands(
    parser: argparse.ArgumentParser,
    commands: Iterable[Command],
    words: Sequence[str],
    *,
    run: str = "run",
    required: bool = False,
) -> None:
    """Add commands to a parser, with the flags of those that are among the words of the command line.

    Args:
        parser: of the program, or of a command that has commands.
        commands: in the order of `--help`.
        words: of the command line.
        run: under which name the parsed flags hold what runs the chosen command.
        required: whether one must be chosen.
    """
    group = parser.add_subparsers(dest=f"{run}_name", metavar="COMMAND", required=required)
    for command in commands:
        flags = group.add_parser(
            command.name,
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command.name in words:
            module = cast(CommandModule, import_module(command.module))
            flags.set_defaults(**{run: module.run}, words=words)
            module.declare(flags)
