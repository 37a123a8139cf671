"""Starts Ray on this machine, or joins a cluster, and keeps the server until it is told to end."""

import logging
import os
import signal
from collections.abc import Mapping
from typing import Any, Final

import ray
from ray import serve

from infill_lsp.errors import AddressError
from infill_serve.app import application
from infill_serve.options import NAME, ServeOptions
from infill_serve.state import running

_STORE: Final = 128 << 20
"""Bytes of shared memory for Ray's objects; requests and answers are small, and hardly any goes there."""

_LOST: Final = "10"
"""Seconds without Ray's head after which a process of Ray ends; Ray's own default is a minute."""

_LOOK: Final = 5
"""Seconds between looks whether Ray still runs."""

_ENDS: Final = {signal.SIGINT, signal.SIGTERM}


def serve_until_ended(options: ServeOptions, http: Mapping[str, Any], address: str | None, metrics: int | None) -> int:
    """Serve until SIGINT or SIGTERM, or, in a cluster that runs already, deploy only; return the exit code.

    Args:
        options: what is served.
        http: Ray's options for HTTP, as `listening` returns them.
        address: of a Ray cluster; None to start one on this machine, which ends with this process.
        metrics: the port on which Ray exports metrics; None for any.

    Raises:
        AddressError: Ray or the server cannot start.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # Waited for below; Ray's processes have handlers of their own.
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    _connect(options, address, metrics)
    try:
        serve.start(http_options={**http, "location": "HeadOnly"})
        serve.run(application(options), name=NAME, route_prefix="/")
    except Exception as error:  # Ray's errors are of many kinds, with pages of traces.
        if address is None:
            ray.shutdown()
        raise AddressError(f"The server cannot start: {_first_line(error)}") from None
    scheme = "https" if "ssl_certfile" in http else "http"
    place = ray.get_runtime_context().gcs_address
    print(f"Serving {options.model} on {scheme}://{http['host']}:{http['port']} (Ray: {place})", flush=True)
    return 0 if address else _wait()


def _connect(options: ServeOptions, address: str | None, metrics: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", _LOST)
    os.environ.setdefault("RAY_metrics_report_interval_ms", "2000")
    os.environ.setdefault("RAY_worker_niceness", "0")  # A server does not give way to other programs.
    try:
        if address:
            ray.init(address=address, **quiet)
            return
        ray.init(
            address="local",
            num_cpus=max(os.cpu_count() or 1, options.most * options.engine.cpu_threads),
            include_dashboard=False,
            object_store_memory=_STORE,
            _metrics_export_port=metrics,
            **quiet,
        )
    except Exception as error:  # As above.
        raise AddressError(f"Ray cannot start: {_first_line(error)}") from None


def _wait() -> int:
    """Wait for a signal; return the exit code.

    Raises:
        AddressError: Ray ended; whoever started this process may start it again.
    """
    while signal.sigtimedwait(_ENDS, _LOOK) is None:
        try:
            running()
        except Exception as error:  # As above.
            raise AddressError(f"Ray ended: {_first_line(error)}") from None
    serve.shutdown()
    ray.shutdown()
    return 0


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
