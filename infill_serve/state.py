"""What Ray knows of the server: which replicas run, and the metrics of this machine. Calls block."""

import urllib.request
from typing import Final

import ray
from ray import serve

from infill_serve.options import NAME

REPLICA: Final = "replica"
"""The name of the deployment of replicas."""

_SECONDS: Final = 5.0


def running() -> int:
    """Return the number of replicas that run."""
    application = serve.status().applications.get(NAME)
    deployment = application.deployments.get(REPLICA) if application else None
    return int(deployment.replica_states.get("RUNNING", 0)) if deployment else 0


def exported() -> str | None:
    """Return this machine's metrics in Prometheus' format, Ray's own among them; None if Ray exports none."""
    own = ray.get_runtime_context().get_node_id()
    nodes = [it for it in ray.nodes() if it["NodeID"] == own and it.get("MetricsExportPort")]
    if not nodes:
        return None
    url = f"http://{nodes[0]['NodeManagerAddress']}:{nodes[0]['MetricsExportPort']}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # Ray's own address.
            return str(answer.read().decode("utf-8", "replace"))
    except OSError:
        return None
