"""The command line `infill-lsp`: the server's flags, the commands, and how errors become messages and exit codes.

Modules that are slow to import are imported when a command runs, so that `--help` appears at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from infill_lsp.cli.commands import Command, add_commands
from infill_lsp.errors import AddressError, InfillError
from infill_lsp.settings import flags
from infill_lsp.settings.settings import EngineCommand, EngineSettings

_BROKEN_PIPE: Final = 141  # 128 + SIGPIPE, as a shell reports it
_INTERRUPTED: Final = 130  # 128 + SIGINT


def main(arguments: Sequence[str] | None = None, *, engine: EngineCommand | None = None) -> int:
    """Run a sub-command.

    Args:
        arguments: of the command line; None for the process's own.
        engine: returns the command line that starts an engine; None for the real one.

    Returns:
        The exit code: 0 done, 1 a failure on the way, 2 a request that cannot be carried out, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # A terminal that cannot show a character shows a question mark instead.
            stream.reconfigure(errors="replace")
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        parser = _parser(words)
        chosen = parser.parse_args(words)
        if (chosen.run is _run_server) != _is_server(chosen):
            parser.error("exactly one of COMMAND, --stdio, --tcp and --ws is needed")
        if (chosen.no_token and not (chosen.tcp or chosen.ws)) or (chosen.allow_origin and not chosen.ws):
            parser.error("--no-token is only for --tcp and --ws, --allow-origin only for --ws")
        code: int = chosen.run(chosen, engine or _real_engine)
        sys.stdout.flush()
    except InfillError as error:
        print(f"infill-lsp: {_one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # The reader of the output has closed it.
        _forget_output()
        return _BROKEN_PIPE
    except OSError as error:  # Files have error types of their own, so only the output is left.
        print(f"infill-lsp: the output cannot be written ({error.strerror})", file=sys.stderr)
        _forget_output()
        return 1
    return code


def _forget_output() -> None:
    """Discard output that cannot be written; otherwise Python would retry at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _real_engine(settings: EngineSettings) -> Sequence[str]:
    from infill_lsp.engine.process import worker_command

    return worker_command(settings)


class _Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_one_line(message)} (see {self.prog} --help)\n")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = _Parser(
        prog="infill-lsp", description="Fill gaps in code with a diffusion model, offline.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    _declare_server(parser)
    add_commands(parser, _COMMANDS, words)
    return parser


class _Version(argparse.Action):
    """Look the version up only on demand."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002  # argparse's name
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from infill_lsp import __version__

        print(f"infill-lsp {__version__}")
        parser.exit(0)


def _declare_server(parser: argparse.ArgumentParser) -> None:
    app = parser.add_argument_group("language server")
    ways = app.add_mutually_exclusive_group()
    ways.add_argument("--stdio", action="store_true", help="serve an editor on standard input and output")
    ways.add_argument(
        "--tcp", type=flags.address, metavar="[HOST]:PORT", help="serve editors that connect (HOST: 127.0.0.1)"
    )
    ways.add_argument("--ws", type=flags.address, metavar="[HOST]:PORT", help="the same over WebSocket")
    app.add_argument(
        "--no-token",
        action="store_true",
        help="serve anyone who connects; otherwise a client needs the token printed at startup",
    )
    app.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="with --ws: a page that may connect, such as https://ide.example.org; otherwise none may",
    )
    parser.add_argument("--clientProcessId", type=int, help=argparse.SUPPRESS)  # Some clients add it.
    parser.set_defaults(run=_run_server)


def _is_server(chosen: argparse.Namespace) -> bool:
    return bool(chosen.stdio or chosen.tcp or chosen.ws)


def _run_server(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    import gc
    from functools import partial

    gc.disable()  # While the hundreds of LSP types are created, it would scan them repeatedly and free nothing.

    from infill_lsp.server import app, transport
    from infill_lsp.server.access import Access, new_token
    from infill_lsp.settings import user_config

    gc.freeze()
    gc.enable()
    make = partial(app.create, engine, *user_config.load())
    if chosen.stdio:
        return transport.serve_stdio(make)
    make = partial(make, over_socket=True)
    access = Access(None if chosen.no_token else new_token(), tuple(chosen.allow_origin))
    serve = transport.serve_tcp if chosen.tcp else transport.serve_websocket
    host, port = chosen.tcp or chosen.ws
    try:
        return serve(make, host, port, access)
    except OSError as error:
        raise AddressError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


_COMMANDS: Final = (
    Command("fill", "fill a gap in a file, or gaps in standard input", "infill_lsp.cli.fill"),
    Command("doctor", "check that everything is installed and works", "infill_lsp.cli.doctor"),
    Command("models", "list the available models, or set the server's model", "infill_lsp.cli.models"),
    Command("endpoint", "choose which hosts code may be sent to", "infill_lsp.cli.endpoint"),
    Command("serve", "serve a team's editors from one machine or several", "infill_serve.command"),
    Command("bench", "measure speed and quality on this machine", "infill_lsp.cli.bench"),
)


def _one_line(text: str) -> str:
    return " ".join(text.split())
