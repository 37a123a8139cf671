"""Sends the requests of one document to the replica that knows it, and to the least busy if that one is full.

Which replica is a document's follows from their names alone (rendezvous hashing, Thaler and Ravishankar 1998), so that
no table is kept, and a new replica takes over only its own share of the documents.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import FIFOMixin, PendingRequest, RequestRouter, RunningReplica


class DocumentRouter(FIFOMixin, RequestRouter):  # type: ignore[misc]  # Ray has no types.
    """Prefers the document's replica while fewer requests are there than it fills at once."""

    def initialize_state(self, *, places: int) -> None:
        """Learn how many requests a replica fills at once."""
        self._places = places

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Return groups of replicas in the order in which they should be asked; Ray takes a group's least busy."""
        if pending_request is None:
            return [candidate_replicas]
        pending_request.routing_context.should_backoff = True  # Else Ray asks again at once, all the time.
        key = document_of(pending_request.args)
        names = {it.replica_id.unique_id: it for it in candidate_replicas}
        own = names[preferred(key, list(names))]
        busy = (self.replica_queue_len_cache.get(own.replica_id) or 0) >= self._places
        return [candidate_replicas] if busy else [[own], candidate_replicas]

    def _get_pending_request_matching_metadata(self, request_metadata: Any = None) -> PendingRequest | None:
        """Return the request that a replica was chosen for; where it is gone, Ray takes the one that came first.

        Ray 2.55 by itself drops a request whose routing task ends early, unless a router serves in order.
        """
        return self._get_pending_request_matching_internal_request_id(request_metadata)


def document_of(args: Sequence[object]) -> str:
    """Return the document of a call's arguments; empty if there is none."""
    return str(getattr(args[0], "document", "")) if args else ""


def preferred(document: str, replicas: Sequence[str]) -> str:
    """Return the name of a document's replica."""
    return max(replicas, key=lambda it: hashlib.blake2b(f"{document}\0{it}".encode(), digest_size=8).digest())
