"""How to serve, and the configuration file of that. Must not import Ray."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from infill_lsp.settings.settings import EngineSettings

NAME: Final = "infill"
"""The application's name in a cluster."""

_LONGEST: Final = 120
"""Seconds after which Ray closes the connection of a client that does not read its answer."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        model: as `EngineSettings.model`.
        device: as `EngineSettings.device`.
        dtype: as `EngineSettings.dtype`.
        threads: CPU threads of each replica; None as in `EngineSettings`.
        least: the number of replicas that always run.
        most: the number up to which replicas are added by the length of the queue.
        gpus: GPUs of each replica.
        places: requests that a replica fills at once.
        queue: requests that may wait in a replica, where users take turns, and again those that wait for one.
        tokens: the path of the file of tokens; None to let anyone ask.
        body: bytes of a request at most.
        rate: requests a second of one user.
        at_once: requests of one user in progress.
        seconds: within which a request must have arrived, and again within which it must be answered.
    """

    model: str = "embedded"
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    least: int = 1
    most: int = 1
    gpus: float = 0
    places: int = 16
    queue: int = 256
    tokens: str | None = None
    body: int = 2_000_000
    rate: float = 20.0
    at_once: int = 16
    seconds: float = 30.0

    @property
    def engine(self) -> EngineSettings:
        """The settings of the model."""
        return EngineSettings(model=self.model, device=self.device, dtype=self.dtype, threads=self.threads)


def configuration(options: ServeOptions, http: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration for `serve deploy`, where Ray listens as `http` says."""
    application = {"name": NAME, "route_prefix": "/", "import_path": "infill_serve.app:build", "args": asdict(options)}
    return {"proxy_location": "HeadOnly", "http_options": dict(http), "applications": [application]}


def listening(host: str, port: int, certificate: str | None, key: str | None) -> dict[str, Any]:
    """Return Ray's options for HTTP; with a certificate and its key, for HTTPS."""
    http: dict[str, Any] = {"host": host, "port": port, "request_timeout_s": _LONGEST}
    return http | ({"ssl_certfile": certificate, "ssl_keyfile": key} if certificate else {})
