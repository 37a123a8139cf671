"""The command line `infill-lsp`: flags, sub-commands, and how errors become words and exit codes.

Each sub-command is a row of `_COMMANDS`: a function that declares its flags and one that runs it. Whatever takes time
to import is imported when a command runs, so that `--help` is there at once.
"""

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from infill_lsp.errors import AddressError, InfillError, PositionError, SettingError
from infill_lsp.settings import (
    APIS,
    COMPILES,
    DEVICES,
    DTYPES,
    ENDPOINT,
    REUSES,
    EndpointSettings,
    EngineSettings,
    too_many_threads,
)

EngineCommand = Callable[[EngineSettings], Sequence[str]]
"""From settings to the command line that starts an engine."""

_JSON_SHAPE: Final = """
with --json one object is printed, the best fill:
  text          from the start of the first gap to the end of the last, filled; lines end in \\n
  texts         the text of each gap
  range         {start: {line, column}, end: {line, column}} of what text replaces; both count from 1
  ranges        the same for each gap
  confidence    how probably all of it is right (of open checkpoints the mean of its tokens')
  score         mean log-probability per token under the same weights left to right, or null
  tokens        [{text, confidence, step, pinned}], the text between gaps included as pinned
  steps         denoising steps taken
  forwards      forwards of the denoiser
  ms            {encode, denoise, total}
  stopped       complete, stable, steps, deadline or cancelled
  retrieved     whether it began as a copy from elsewhere in the file
  parses        whether the fill brings no syntax error into the file, or null where no grammar can tell
  alternatives  the other fills of --n, each with all fields above
"""

_BROKEN_PIPE: Final = 141  # 128 + SIGPIPE, as a shell says it
_INTERRUPTED: Final = 130  # 128 + SIGINT


def main(arguments: Sequence[str] | None = None, *, engine: EngineCommand | None = None) -> int:
    """Run a sub-command.

    Args:
        arguments: of the command line; None for the program's own.
        engine: what starts an engine; None for the real one.

    Returns:
        The exit code: 0 done, 1 something broke on the way, 2 what was asked cannot be done, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # A terminal that cannot show a character shows a question mark.
            stream.reconfigure(errors="replace")
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        parser = _parser(words)
        chosen = parser.parse_args(words)
        chosen.words = words
        if (chosen.run is _run_server) != _is_server(chosen):
            parser.error("one of COMMAND, --stdio, --tcp and --ws is needed, and only one")
        if (chosen.no_token and not (chosen.tcp or chosen.ws)) or (chosen.allow_origin and not chosen.ws):
            parser.error("--no-token is for --tcp and --ws, --allow-origin for --ws")
        code: int = chosen.run(chosen, engine or _real_engine)
        sys.stdout.flush()
    except InfillError as error:
        print(f"infill-lsp: {_one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # Who reads our output has seen enough.
        _forget_output()
        return _BROKEN_PIPE
    except OSError as error:  # Files have errors of their own; what is left is the output.
        print(f"infill-lsp: the output cannot be written ({error.strerror})", file=sys.stderr)
        _forget_output()
        return 1
    return code


def _forget_output() -> None:
    """Drop what cannot be written, or Python would try once more while it ends, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _real_engine(settings: EngineSettings) -> Sequence[str]:
    from infill_lsp.engine.process import worker_command

    return worker_command(settings)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_one_line(message)} (see {self.prog} --help)\n")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of all commands, with the flags of those that are named: others' take time to declare."""
    parser = _Parser(
        prog="infill-lsp", description="Fill gaps in code with a diffusion model, offline.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    _declare_server(parser)
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in _COMMANDS:
        flags = commands.add_parser(
            command.name,
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command.name in words:
            command.declare(flags)
        flags.set_defaults(run=command.run)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is wanted."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002  # argparse's name
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from infill_lsp import __version__

        print(f"infill-lsp {__version__}")
        parser.exit(0)


def _declare_server(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("language server")
    ways = server.add_mutually_exclusive_group()
    ways.add_argument("--stdio", action="store_true", help="serve an editor on standard input and output")
    ways.add_argument("--tcp", type=_address, metavar="[HOST]:PORT", help="serve editors that connect; 127.0.0.1")
    ways.add_argument("--ws", type=_address, metavar="[HOST]:PORT", help="the same over WebSocket")
    server.add_argument(
        "--no-token",
        action="store_true",
        help="serve whoever connects; else a client needs the token printed at start",
    )
    server.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="with --ws: a page that may connect, such as https://ide.example.org; else none may",
    )
    parser.add_argument("--clientProcessId", type=int, help=argparse.SUPPRESS)  # Some clients add it.
    parser.set_defaults(run=_run_server)


def _is_server(chosen: argparse.Namespace) -> bool:
    return bool(chosen.stdio or chosen.tcp or chosen.ws)


def _run_server(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    import gc
    from functools import partial

    gc.disable()  # While the LSP's hundreds of types are made, it walks through them again and again and frees nothing.
    from infill_lsp import server, server_transport, user_config
    from infill_lsp.server_access import Access, new_token

    gc.freeze()
    gc.enable()
    make = partial(server.create, engine, *user_config.load())
    if chosen.stdio:
        return server_transport.serve_stdio(make)
    make = partial(make, over_socket=True)
    access = Access(None if chosen.no_token else new_token(), tuple(chosen.allow_origin))
    serve = server_transport.serve_tcp if chosen.tcp else server_transport.serve_websocket
    host, port = chosen.tcp or chosen.ws
    try:
        return serve(make, host, port, access)
    except OSError as error:
        raise AddressError(f"{host}:{port} cannot be listened on: {error.strerror or error}") from error


def _declare_fill(flags: argparse.ArgumentParser) -> None:
    from infill_model.request import Options

    usual = Options()
    flags.add_argument(
        "place",
        metavar="FILE:LINE:COL",
        help="the gap: line and column count from 1, the gap is before that character; "
        "'-' reads standard input, in which each gap is marked by <gap>",
    )
    flags.add_argument("--to", type=_place, metavar="LINE:COL", help="the gap's end: what is in between is replaced")
    flags.add_argument("--n", type=_integer(1, 16), default=1, metavar="N", help="different fills (1)")
    flags.add_argument("--steps", type=_integer(1, 4096), default=usual.steps, metavar="N", help="at most, per block")
    flags.add_argument("--budget-ms", type=_milliseconds, metavar="MS", help="return the best draft after this time")
    flags.add_argument("--seed", type=_integer(0, 2**62), default=0, metavar="N", help="of the fills beside the first")
    flags.add_argument("--language", metavar="ID", help="language id, where the file's name does not tell it")
    flags.add_argument("--unmask", default=usual.unmask, metavar="SPEC", help="which masks to commit in a step")
    flags.add_argument("--remask", default=usual.remask, metavar="SPEC", help="which tokens to take back in a step")
    flags.add_argument("--no-copy", action="store_true", help="do not try a copy from the same document")
    flags.add_argument("--json", action="store_true", help="print JSON, see below")
    flags.add_argument("--apply", action="store_true", help="write the best fill into the file")
    flags.add_argument("--trace", type=Path, metavar="FILE.html", help="write a page that plays the fill step by step")
    flags.add_argument("--verify", metavar="PATH", help="a folder with a causal model that checks what is drafted")
    flags.add_argument(
        "--verify-by",
        default="exact",
        choices=("exact", "rank"),
        help="exact: the fill is what that model would write alone; rank: it chooses among several drafts",
    )
    _declare_engine(flags)


def _run_fill(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    from infill_lsp import user_config
    from infill_lsp.commands import fill
    from infill_model.request import Options

    if chosen.place == "-":
        if chosen.apply or chosen.to:
            raise PositionError("--apply and --to need a file; standard input has neither a name nor places")
        file, start = None, (1, 1)
    else:
        file, start = _file_place(chosen.place)
    options = Options(
        n=chosen.n,
        steps=chosen.steps,
        budget_ms=chosen.budget_ms,
        seed=chosen.seed,
        unmask=chosen.unmask,
        remask=chosen.remask,
        retrieve=not chosen.no_copy,
        trace=chosen.trace is not None,
    )
    command = fill.FillCommand(
        file,
        start,
        chosen.to,
        chosen.language,
        options,
        as_json=chosen.json,
        apply=chosen.apply,
        trace=chosen.trace,
        exclude=user_config.load()[0].exclude,
    )
    return fill.run(command, engine(_engine_settings(chosen)))


def _declare_doctor(flags: argparse.ArgumentParser) -> None:
    from infill_model.backends.sizes import SIZES
    from infill_model.checkpoints.published import published

    larger = [it.name for it in published()]
    flags.add_argument("--json", action="store_true", help="print JSON")
    flags.add_argument(
        "--probe",
        nargs="*",
        choices=[*larger, *(it.name for it in SIZES)],
        metavar="MODEL|SIZE",
        help=f"measure how fast {' and '.join(larger) or 'a model'} is here, once fetched, or open checkpoints of a "
        f"size, with random weights ({', '.join(it.name for it in SIZES)}); by itself what is here of the former, and "
        "of the latter all that have room on a GPU, else the smallest",
    )
    _declare_engine(flags)


def _run_doctor(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    from infill_lsp.commands import doctor, probes

    if chosen.probe is not None:
        return probes.run(chosen.probe, _engine_settings(chosen), engine, as_json=chosen.json)
    return doctor.run(engine(_engine_settings(chosen)), as_json=chosen.json)


def _declare_models(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("what", nargs="?", choices=("list", "use"), default="list", help="use: set the server's")
    flags.add_argument(
        "name", nargs="?", metavar="NAME|PATH", help="use: of the list or hub, a folder, embedded, or auto"
    )
    flags.add_argument("--yes", action="store_true", help="use: download without asking")
    flags.add_argument("--json", action="store_true", help="list: print JSON; use: report progress as lines of JSON")
    flags.add_argument("--auto", action="store_true", help="use: fetch it, and leave the choice to infill.model = auto")
    source = flags.add_mutually_exclusive_group()
    source.add_argument(
        "--keep-source", dest="keep_source", action="store_true", default=True, help="use: keep what was downloaded"
    )
    source.add_argument(
        "--drop-source", dest="keep_source", action="store_false", help="use: delete it once it is converted"
    )


def _run_models(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    from infill_lsp.commands import models, use, use_published
    from infill_lsp.commands.use_published import UseCommand
    from infill_model.checkpoints.published import find

    if chosen.what == "use":
        if not chosen.name:
            raise use.ChoiceError("models use: which one? `infill-lsp models` lists them")
        if model := find(chosen.name):
            wanted = UseCommand(model, chosen.yes, chosen.json, chosen.auto, chosen.keep_source)
            return use_published.run(wanted, engine)
        return use.run(chosen.name, yes=chosen.yes)
    return models.run(as_json=chosen.json)


def _declare_bench(flags: argparse.ArgumentParser) -> None:
    from infill_lsp import cli_bench

    cli_bench.declare(flags, _declare_engine, _integer)


def _run_bench(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    from infill_lsp import cli_bench

    settings = _engine_settings(chosen)
    return cli_bench.run(chosen, settings, engine(settings))


def _declare_endpoint(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("what", choices=("allow", "forget", "list"), help="let code be sent to a host, or no longer")
    flags.add_argument("host", nargs="?", metavar="HOST", help="such as api.example.com, or 127.0.0.1:8080")
    _declare_key(flags)


def _run_endpoint(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    from infill_lsp.commands import endpoint
    from infill_lsp.endpoints import hosts

    if (chosen.what == "list") != (chosen.host is None):
        raise AddressError("`endpoint allow` and `endpoint forget` need a HOST, and `endpoint list` has none")
    if chosen.what == "list":
        return endpoint.show()
    if chosen.what == "forget":
        return endpoint.forget(chosen.host)
    return endpoint.allow(hosts.Permission(chosen.host, hosts.key_place(_endpoint_settings(chosen))))


@dataclass(frozen=True, slots=True)
class _Command:
    """A sub-command: its name, what it does, its flags, and the function that runs it and returns the exit code."""

    name: str
    help: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, EngineCommand], int]
    epilog: str | None = None


_COMMANDS: Final = (
    _Command("fill", "fill a gap in a file, or gaps in standard input", _declare_fill, _run_fill, _JSON_SHAPE),
    _Command("doctor", "check that everything is there and works", _declare_doctor, _run_doctor),
    _Command("models", "list the models that can be used, or set the server's", _declare_models, _run_models),
    _Command("endpoint", "say which hosts code may be sent to", _declare_endpoint, _run_endpoint),
    _Command("bench", "measure how fast and how good it is here", _declare_bench, _run_bench),
)


def _declare_engine(flags: argparse.ArgumentParser) -> None:
    flags.add_argument(
        "--model", default="embedded", metavar="NAME|PATH", help="'embedded', a folder with a model, or 'endpoint'"
    )
    flags.add_argument("--device", default="auto", choices=DEVICES, help="where to run it")
    flags.add_argument("--dtype", default="auto", choices=DTYPES, help="of the weights")
    flags.add_argument("--reuse", default="none", choices=REUSES, help="what later steps take over from the first")
    flags.add_argument("--compile", default="off", choices=COMPILES, help="auto: forwards on CUDA, where they can be")
    flags.add_argument("--threads", type=_integer(1, 1024), metavar="N", help="CPU threads to use")
    flags.add_argument("--url", default="", help="of the endpoint, without the path of its API")
    flags.add_argument("--api", default=APIS[0], choices=APIS, help="of the endpoint")
    flags.add_argument("--endpoint-model", default="", metavar="NAME", help="what the endpoint calls its model")
    flags.add_argument("--template", default="", help="for endpoints that know no suffix: {prefix} and {suffix} marked")
    _declare_key(flags)


def _declare_key(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--key-environment", default="", metavar="NAME", help="the variable that the key is in")
    flags.add_argument("--key-command", default="", metavar="COMMAND", help="the command that prints the key")


def _engine_settings(chosen: argparse.Namespace) -> EngineSettings:
    endpoint = None
    if chosen.model == ENDPOINT:
        endpoint = _endpoint_settings(
            chosen, url=chosen.url, api=chosen.api, model=chosen.endpoint_model, template=chosen.template
        )
    if words := too_many_threads(chosen.threads):
        print(f"infill-lsp: --threads {words}", file=sys.stderr)
    settings = EngineSettings(
        model=chosen.model,
        device=chosen.device,
        dtype=chosen.dtype,
        reuse=chosen.reuse,
        compile=chosen.compile,
        threads=chosen.threads,
        endpoint=endpoint,
    )
    if "verify" in chosen:
        return replace(settings, verify=chosen.verify, verify_by=chosen.verify_by)
    return settings


def _endpoint_settings(chosen: argparse.Namespace, **others: str) -> EndpointSettings:
    """The settings of the flags, checked as those of an editor are: a key is not among them.

    Raises:
        SettingError: one of them is not what it should be.
    """
    import shlex

    from infill_lsp.settings import ServerSettings, read

    try:
        words = shlex.split(chosen.key_command)
    except ValueError as error:
        raise SettingError(f"--key-command is not a command line: {error}") from error
    flags = {**others, "keyEnvironment": chosen.key_environment, "keyCommand": words}
    settings, complaints = read({"endpoint": flags}, ServerSettings(), ServerSettings())
    if complaints:
        raise SettingError(complaints[0])
    return settings.endpoint


def _file_place(text: str) -> tuple[Path, tuple[int, int]]:
    """`FILE:LINE:COL`; the file's name may have colons, as those of Windows have.

    Raises:
        PositionError: it is written in another way.
    """
    match = re.fullmatch(r"(.+):(\d{1,18}):(\d{1,18})", text, re.DOTALL)
    if match is None:
        raise PositionError(f"{text}: not FILE:LINE:COL, such as app.py:12:5, and not '-'")
    return Path(match[1]), (int(match[2]), int(match[3]))


def _place(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,18}):(\d{1,18})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not LINE:COL, such as 12:5")
    return int(match[1]), int(match[2])


def _address(text: str) -> tuple[str, int]:
    """`HOST:PORT`; without a host it is this machine alone, which others cannot reach."""
    match = re.fullmatch(r"(?:\[(?P<six>[\da-fA-F:.]+)\]|(?P<host>[^:]*)):(?P<port>\d{1,5})", text)
    if match is None or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:2087")
    return match["six"] or match["host"] or "127.0.0.1", int(match["port"])


def _integer(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,19}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in milliseconds above 0")
    return value


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
