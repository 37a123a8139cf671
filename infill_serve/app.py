"""The application on Ray Serve: a gateway in front of replicas. Placement, scaling, health and updates are Ray's.

`build` is what a configuration file for `serve deploy` names.
"""

from collections.abc import Mapping
from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, RequestRouterConfig

from infill_lsp import __version__
from infill_serve.gateway import Gateway
from infill_serve.limits import UserLimits
from infill_serve.options import ServeOptions
from infill_serve.replica import Replica
from infill_serve.router import DocumentRouter
from infill_serve.state import REPLICA


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
