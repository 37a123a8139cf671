"""`infill-lsp serve`: starts a server for a team, or brings it to a Ray cluster that runs already."""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from infill_lsp.errors import SettingError, SourceError
from infill_lsp.settings.flags import integer
from infill_lsp.settings.settings import DEVICES, DTYPES, EngineCommand
from infill_lsp.text.files import replace_file
from infill_serve.options import ServeOptions, configuration, listening


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `serve`."""
    flags.add_argument("--model", default="embedded", metavar="NAME|PATH", help="the model that every replica holds")
    flags.add_argument("--device", default="auto", choices=DEVICES, help="the device to run it on")
    flags.add_argument("--dtype", default="auto", choices=DTYPES, help="the number format of the weights")
    flags.add_argument("--threads", type=integer(1, 1024), metavar="N", help="CPU threads of each replica")
    flags.add_argument("--gpus", type=float, metavar="N", help="GPUs of each replica; by default one if there is any")
    flags.add_argument("--replicas", type=_replicas, default=(1, 1), metavar="N|MIN-MAX", help="how many replicas")
    flags.add_argument(
        "--places", type=integer(1, 1024), default=16, metavar="N", help="requests in one replica at once"
    )
    flags.add_argument(
        "--queue", type=integer(1, 100_000), default=256, metavar="N", help="requests that may wait in one replica"
    )
    flags.add_argument("--rate", type=float, default=20.0, metavar="N", help="requests a second of one user")
    flags.add_argument("--at-once", type=integer(1, 10_000), default=16, metavar="N", help="of one user, at once")
    flags.add_argument("--body", type=integer(1, 1 << 30), default=2_000_000, metavar="BYTES", help="size of a request")
    flags.add_argument("--seconds", type=float, default=30.0, metavar="N", help="the longest wait for an answer")
    flags.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    flags.add_argument("--port", type=integer(1, 65535), default=8000, help="the port to listen on")
    flags.add_argument("--tls-certificate", metavar="FILE", help="serve https with this certificate")
    flags.add_argument("--tls-key", metavar="FILE", help="the certificate's key")
    flags.add_argument("--metrics-port", type=integer(1, 65535), metavar="PORT", help="for Prometheus")
    flags.add_argument("--tokens", metavar="FILE", help="the users' tokens, hashed")
    flags.add_argument("--no-token", dest="anyone", action="store_true", help="serve anyone who can connect")
    flags.add_argument("--add-user", metavar="NAME", help="add a token for a user to the file, print it, and exit")
    flags.add_argument("--address", metavar="HOST:PORT", help="deploy to this Ray cluster, and exit")
    flags.add_argument("--write-config", metavar="FILE", help="write the configuration for `serve deploy`, and exit")


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Serve until interrupted; return the exit code.

    Raises:
        InfillError: a flag is wrong, Ray is not installed, or the server cannot start.
    """
    if chosen.add_user:
        return _add_user(chosen)
    _check(chosen)
    http = listening(chosen.host, chosen.port, _absolute(chosen.tls_certificate), _absolute(chosen.tls_key))
    if chosen.write_config:
        return _write(Path(chosen.write_config), configuration(_options(chosen), http))
    _need_ray()
    from infill_serve import cluster  # noqa: PLC0415

    return cluster.serve_until_ended(_options(chosen), http, chosen.address, chosen.metrics_port)


def _need_ray() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Nothing is reported to anybody.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # noqa: F401, PLC0415
        from ray import serve  # noqa: F401, PLC0415
    except ImportError as error:
        raise SettingError(f"`serve` needs more packages ({error}): pip install 'infill-lsp[serve]'") from None


def _add_user(chosen: argparse.Namespace) -> int:
    from infill_serve import tokens  # noqa: PLC0415

    if not chosen.tokens:
        raise SettingError("--add-user needs --tokens FILE")
    token = tokens.add(Path(chosen.tokens), chosen.add_user)
    print(token)
    print(f"The token of {chosen.add_user}; only its hash is in {chosen.tokens}.", file=sys.stderr)
    return 0


def _check(chosen: argparse.Namespace) -> None:
    from infill_serve.tokens import TokenFile  # noqa: PLC0415

    local = chosen.host in ("127.0.0.1", "localhost", "::1")
    if chosen.tokens:
        TokenFile(Path(chosen.tokens))
    elif not local and not chosen.anyone:
        raise SettingError(f"Others can reach {chosen.host}: give --tokens FILE, or --no-token to serve anyone")
    if (chosen.tls_certificate is None) != (chosen.tls_key is None):
        raise SettingError("--tls-certificate and --tls-key need each other")
    for file in filter(None, (chosen.tls_certificate, chosen.tls_key)):
        if not Path(file).is_file():
            raise SourceError(f"{file}: no such file")


def _options(chosen: argparse.Namespace) -> ServeOptions:
    least, most = chosen.replicas
    known = {it.name: getattr(chosen, it.name) for it in fields(ServeOptions) if hasattr(chosen, it.name)}
    gpus = chosen.gpus if chosen.gpus is not None else _gpus(chosen.device)
    return ServeOptions(**{**known, "least": least, "most": most, "tokens": _absolute(chosen.tokens), "gpus": gpus})


def _absolute(path: str | None) -> str | None:
    """Return a path that is right in Ray's processes too, which run in folders of their own."""
    return str(Path(path).resolve()) if path else None


def _gpus(device: str) -> float:
    if device not in ("auto", "cuda", "spread"):
        return 0
    _need_ray()
    from ray._private.accelerators import NvidiaGPUAcceleratorManager  # noqa: PLC0415

    return 1 if NvidiaGPUAcceleratorManager.get_current_node_num_accelerators() else 0


def _write(path: Path, value: Mapping[str, Any]) -> int:
    try:
        import yaml  # noqa: PLC0415
    except ImportError:
        raise SettingError("--write-config needs PyYAML: pip install 'infill-lsp[serve]'") from None
    replace_file(path, yaml.safe_dump(value, sort_keys=False).encode())
    print(f"Written: {path}. Deploy it with `serve deploy {path}`.")
    return 0


def _replicas(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", text)
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= least <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of replicas nor MIN-MAX")
    return least, most
