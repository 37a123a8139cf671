"""Parses flags shared by several commands: numbers, places, and the engine's settings."""

import argparse
import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from infill_lsp.errors import PositionError, SettingError
from infill_lsp.settings.settings import (
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

GUIDE_HELP: Final = "steer the embedded model at each step: context, quotes, naming or judges, with a weight in nats"


def declare_engine(flags: argparse.ArgumentParser) -> None:
    """Declare the flags that select the model and how it runs."""
    usual = EngineSettings()
    flags.add_argument(
        "--model",
        default=usual.model,
        metavar="NAME|PATH",
        help="'embedded', a model's name, a folder with a model, or 'endpoint'",
    )
    flags.add_argument("--device", default=usual.device, choices=DEVICES, help="the device to run it on")
    flags.add_argument("--dtype", default=usual.dtype, choices=DTYPES, help="the number format of the weights")
    flags.add_argument("--reuse", default=usual.reuse, choices=REUSES, help="what later steps reuse from the first")
    flags.add_argument(
        "--compile", default=usual.compile, choices=COMPILES, help="auto: compile forward passes on CUDA where possible"
    )
    flags.add_argument("--threads", type=integer(1, 1024), metavar="N", help="CPU threads to use")
    flags.add_argument("--url", default="", help="the endpoint's address, without the path of its API")
    flags.add_argument("--api", default=APIS[0], choices=APIS, help="the endpoint's API")
    flags.add_argument("--endpoint-model", default="", metavar="NAME", help="what the endpoint calls its model")
    flags.add_argument(
        "--template", default="", help="for endpoints that accept no suffix: text with {prefix} and {suffix}"
    )
    declare_key(flags)


def declare_key(flags: argparse.ArgumentParser) -> None:
    """Declare the flags for the source of an endpoint's key."""
    flags.add_argument(
        "--key-environment", default="", metavar="NAME", help="the environment variable that contains the key"
    )
    flags.add_argument("--key-command", default="", metavar="COMMAND", help="the command that prints the key")


def engine_settings(chosen: argparse.Namespace) -> EngineSettings:
    """Read the flags of `declare_engine`; warn on stderr if they ask for more threads than there are cores.

    Raises:
        SettingError: a flag has an invalid value.
    """
    endpoint = None
    if chosen.model == ENDPOINT:
        endpoint = endpoint_settings(
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


def endpoint_settings(chosen: argparse.Namespace, **others: str) -> EndpointSettings:
    """Read the flags of `declare_key` and others, and check them as an editor's settings are checked.

    Raises:
        SettingError: a flag has an invalid value.
    """
    import shlex

    from infill_lsp.settings.settings import ServerSettings, read

    try:
        words = shlex.split(chosen.key_command)
    except ValueError as error:
        raise SettingError(f"--key-command is not a command line: {error}") from error
    flags = {**others, "keyEnvironment": chosen.key_environment, "keyCommand": words}
    settings, complaints = read({"endpoint": flags}, ServerSettings(), ServerSettings())
    if complaints:
        raise SettingError(complaints[0])
    return settings.endpoint


def file_place(text: str) -> tuple[Path, tuple[int, int]]:
    """Read `FILE:LINE:COL`; the file's name may contain colons, as on Windows.

    Raises:
        PositionError: the text has another form.
    """
    match = re.fullmatch(r"(.+):(\d{1,18}):(\d{1,18})", text, re.DOTALL)
    if match is None:
        raise PositionError(f"{text}: neither FILE:LINE:COL, such as app.py:12:5, nor '-'")
    return Path(match[1]), (int(match[2]), int(match[3]))


def place(text: str) -> tuple[int, int]:
    """Read `LINE:COL`."""
    match = re.fullmatch(r"(\d{1,18}):(\d{1,18})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not LINE:COL, such as 12:5")
    return int(match[1]), int(match[2])


def address(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`; without a host it is this machine alone, which others cannot reach."""
    match = re.fullmatch(r"(?:\[(?P<six>[\da-fA-F:.]+)\]|(?P<host>[^:]*)):(?P<port>\d{1,5})", text)
    if match is None or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:2087")
    return match["six"] or match["host"] or "127.0.0.1", int(match["port"])


def integer(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,19}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def milliseconds(text: str) -> float:
    """Read a time in milliseconds above zero."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in milliseconds above 0")
    return value


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value
