"""Policies: which masks to commit, which tokens to revise, when to stop; and the parser of their names.

Each policy is a small value, looked up here once by its name. Names are followed by parameters after colons:
`threshold:0.9`, `top_k:cosine`, `revoke:0.6`, `edit:0.9:16`, `stable:1:0.1`; omitted parameters keep their defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Final, TypeVar

from infill_model.denoising.remask import Cap, Confidence, EditPolicy, Keep, Loop, RemaskPolicy, Rescale, Revoke
from infill_model.denoising.stop import Complete, Stable, StopPolicy
from infill_model.denoising.unmask import EntropyBound, Factor, RandomOrder, Structure, Threshold, TopK, UnmaskPolicy
from infill_model.errors import InfillModelError

UNMASK: Final[Mapping[str, type[UnmaskPolicy]]] = MappingProxyType(
    {
        "top_k": TopK,
        "threshold": Threshold,
        "factor": Factor,
        "entropy_bound": EntropyBound,
        "random": RandomOrder,
        "structure": Structure,
    }
)
REMASK: Final[Mapping[str, type[RemaskPolicy]]] = MappingProxyType(
    {
        "none": Keep,
        "cap": Cap,
        "rescale": Rescale,
        "conf": Confidence,
        "loop": Loop,
        "revoke": Revoke,
        "edit": EditPolicy,
    }
)
STOP: Final[Mapping[str, type[StopPolicy]]] = MappingProxyType({"complete": Complete, "stable": Stable})

PolicyT = TypeVar("PolicyT")


class PolicyError(InfillModelError, ValueError):
    """A policy's name or parameters cannot be read."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies that the loop applies in each step."""

    unmask: UnmaskPolicy = field(default_factory=Threshold)
    remask: RemaskPolicy = field(default_factory=Keep)
    stop: StopPolicy = field(default_factory=Complete)


def unmask_policy(spec: str) -> UnmaskPolicy:
    """Return the unmask policy for a name such as `threshold:0.9`.

    Raises:
        PolicyError: there is no such policy, or a parameter does not fit it.
    """
    return _read("unmask", UNMASK, spec)


def remask_policy(spec: str) -> RemaskPolicy:
    """Return the remask policy for a name such as `revoke:0.6`.

    Raises:
        PolicyError: there is no such policy, or a parameter does not fit it.
    """
    return _read("remask", REMASK, spec)


def stop_policy(spec: str) -> StopPolicy:
    """Return the stop policy for a name such as `stable:1:0.1`.

    Raises:
        PolicyError: there is no such policy, or a parameter does not fit it.
    """
    return _read("stop", STOP, spec)


def _read(kind: str, table: Mapping[str, type[PolicyT]], spec: str) -> PolicyT:
    name, *words = spec.split(":")
    policy = table.get(name)
    if policy is None:
        raise PolicyError(f"unknown {kind} policy {name!r}; choose one of {', '.join(table)}")
    default = policy()
    names = [parameter.name for parameter in fields(default)]  # type: ignore[arg-type]  # All are dataclasses.
    if len(words) > len(names):
        raise PolicyError(f"{kind} policy {spec!r} has too many parameters; write {':'.join([name, *names])}")
    try:
        return policy(*(type(getattr(default, name))(word) for name, word in zip(names, words, strict=False)))
    except ValueError as error:
        raise PolicyError(f"{kind} policy {spec!r}: {error}") from error
