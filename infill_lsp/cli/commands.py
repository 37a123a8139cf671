"""Commands as modules: each declares its flags and runs itself, and is imported only when the command line names it.

Declaring flags and importing a command's dependencies takes time, and `--help` must appear at once.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from infill_lsp.settings.settings import EngineCommand


class CommandModule(Protocol):
    """The functions that a command's module provides."""

    def declare(self, flags: argparse.ArgumentParser) -> None:
        """Declare the command's flags."""

    def run(self, chosen: argparse.Namespace, engine: EngineCommand) -> int:
        """Run the command; return the exit code.

        Raises:
            InfillError: the request cannot be carried out.
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
    """Add commands to a parser, with the flags of only those commands that the command line names.

    Args:
        parser: the program's, or that of a command with sub-commands.
        commands: in the order of `--help`.
        words: the words of the command line.
        run: the name under which the parsed flags hold the chosen command's `run` function.
        required: whether a command must be chosen.
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
