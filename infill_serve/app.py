"""The application on Ray Serve: a gateway in front of replicas. Placement, scaling, health and updates are Ray's.

`build` is what a configuration file for `serve deploy` names.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, RequestRouterConfig

from infill_lsp import __version__
from infill_lsp.settings.settings import EngineSettings
from infill_serve.gateway import Gateway
from infill_serve.limits import UserLimits
from infill_serve.replica import Replica
from infill_serve.router import DocumentRouter
from infill_serve.state import NAME, REPLICA


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


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """Return the application of options as a configuration file has them."""
    return application(ServeOptions(**arguments))


def application(options: ServeOptions) -> serve.Application:
    """Return the application."""
    settings = options.engine
    fixed = options.least == options.most
    scaling = AutoscalingConfig(
        min_replicas=options.least, max_replicas=options.most, target_ongoing_requests=options.places
    )
    replica = serve.deployment(
        Replica,
        name=REPLICA,
        num_replicas=options.least if fixed else None,
        autoscaling_config=None if fixed else scaling,
        max_ongoing_requests=options.places + options.queue,
        max_queued_requests=options.queue,
        request_router_config=RequestRouterConfig(
            request_router_class=DocumentRouter, request_router_kwargs={"places": options.places}
        ),
        ray_actor_options={"num_cpus": settings.cpu_threads, "num_gpus": options.gpus},
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=30,
    )
    gateway = serve.deployment(
        Gateway, name="gateway", max_ongoing_requests=2048, ray_actor_options={"num_cpus": 0}, health_check_period_s=2
    )
    limits = UserLimits(options.body, options.rate, options.at_once, options.seconds)
    replicas = replica.bind(settings.to_json(), options.places, __version__)
    return gateway.bind(replicas, options.model, options.tokens, limits)


def configuration(options: ServeOptions, host: str, port: int) -> dict[str, Any]:
    """Return the configuration for `serve deploy`."""
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": host, "port": port},
        "applications": [
            {"name": NAME, "route_prefix": "/", "import_path": f"{__name__}:build", "args": asdict(options)}
        ],
    }
