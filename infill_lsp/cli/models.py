"""`infill-lsp models`: lists the usable models with size, licence, verification, speed, and which are here and in use.

The list includes an endpoint if the user has configured one. The command uses no network and loads no model.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from infill_lsp.endpoints import permissions
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.models import probes
from infill_lsp.models.choice import EMBEDDED, Candidate, candidates, choose
from infill_lsp.settings import user_config
from infill_lsp.settings.settings import ENDPOINT, EngineCommand, ServerSettings
from infill_model.catalogue.catalogue import ENTRIES, Entry, embedded_parameters
from infill_model.catalogue.hub import hub_folder, is_whole, snapshot
from infill_model.catalogue.published import find
from infill_model.catalogue.sizes import Probe, weight_bytes

NOT_MEASURED: Final = "not measured: infill-lsp doctor --probe"


_WIDE: Final = 180
"""Columns of the output when it does not go to a terminal."""


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A row of the listing.

    Attributes:
        name: of the model.
        family: the family that runs it; the API of an endpoint.
        parameters: their number.
        gigabytes: memory of its weights in the dtype that is set.
        licence: of the weights.
        verified: against the reference of its family: logits and decodes, logits, no, or its own.
        folder: where it is installed, None if it is not; the value for the setting.
        usable: whether it can be used now: its weights are complete here, or code may be sent to the endpoint.
        used: whether the server runs it under the current settings.
        speed: how fast it is here, in words.
        about: what it is good for.
    """

    name: str
    family: str
    parameters: float
    gigabytes: float
    licence: str
    verified: str
    folder: str | None
    usable: bool
    used: bool
    speed: str
    about: str


def rows(
    entries: Sequence[Entry],
    installed: Callable[[str], Path | None],
    settings: ServerSettings,
    measured: Sequence[Probe] = (),
) -> list[ListingRow]:
    """Return the listing: the embedded model first; an endpoint, or a model in use outside the catalogue, last.

    Args:
        entries: of the catalogue.
        installed: returns the folder of a model by its name on the hub.
        settings: the user's.
        measured: measured speeds of model sizes on this machine.
    """
    count, chosen = embedded_parameters(), choose(settings).model
    size = round(weight_bytes(count, settings.dtype) / 1e9, 3)
    own = ListingRow(
        name=EMBEDDED,
        family="infill",
        parameters=count,
        gigabytes=size,
        licence="Apache-2.0",
        verified="its own",
        folder=EMBEDDED,
        usable=True,
        used=chosen == EMBEDDED,
        speed="infill-lsp bench fill",
        about="ships",
    )
    larger = (_published(it, chosen) for it in candidates(settings))
    listed = [own, *larger, *(_row(it, installed(it.name), settings, measured) for it in entries)]
    if settings.endpoint.url or chosen == ENDPOINT:
        listed.append(_endpoint(settings))
    return listed if any(it.used for it in listed) else [*listed, _other(chosen, installed(chosen))]


def _published(it: Candidate, chosen: str) -> ListingRow:
    """Return the row of one of the larger models that this project is tuned for."""
    model = it.model
    return ListingRow(
        name=model.name,
        family="qwen2",
        parameters=model.parameters,
        gigabytes=round(model.packed / 1e9, 1),
        licence=model.licence,
        verified="its own",
        folder=model.name if it.here else None,
        usable=it.here,
        used=chosen == model.name,
        speed=f"{it.measured.ms:.0f} ms a suggestion on {it.measured.device}" if it.measured else NOT_MEASURED,
        about=f"{model.parent}, tuned; {model.about}",
    )


def _endpoint(settings: ServerSettings) -> ListingRow:
    """Return the row of the configured endpoint, including whether code may be sent there."""
    it = settings.endpoint
    try:
        place, consent = permissions.destination(it), permissions.refusal(it)
        name = f"{it.model} at {place.host}" if it.model else place.host
        allowed = "needs no permission, because it is this machine" if permissions.needed(it) is None else "allowed"
        about, usable = f"{name}: {allowed if consent is None else consent}", consent is None
    except EndpointError as error:
        about, usable = str(error), False
    return ListingRow(
        name=ENDPOINT,
        family=it.api,
        parameters=0,
        gigabytes=0,
        licence="its host's",
        verified="no",
        folder=ENDPOINT,
        usable=usable,
        used=settings.engine.model == ENDPOINT,
        speed="its host's",
        about=about,
    )


def _row(entry: Entry, folder: Path | None, settings: ServerSettings, measured: Sequence[Probe]) -> ListingRow:
    probe = probes.of(entry.parameters, measured)
    chosen = settings.engine.model
    return ListingRow(
        name=entry.name,
        family=entry.family,
        parameters=entry.parameters,
        gigabytes=round(weight_bytes(entry.parameters, settings.dtype) / 1e9, 1),
        licence=entry.licence,
        verified=entry.verified,
        folder=None if folder is None else str(folder),
        usable=folder is not None and is_whole(folder),
        used=chosen == entry.name or (folder is not None and chosen == str(folder)),
        speed=NOT_MEASURED if probe is None else _speed(entry, probe),
        about=entry.about,
    )


def _speed(entry: Entry, probe: Probe) -> str:
    """Describe the speed of a step with 32 masks and 2,048 context tokens; cached if the family's caches are exact."""
    if entry.family == "causal":
        return f"{probe.step_ms['32']:.0f} ms a token at most, {probe.dtype} on {probe.device}"
    steps = probe.step_ms if entry.exact_cache else probe.uncached_ms
    return f"{steps['32']:.0f} ms a step, {probe.dtype} on {probe.device}"


def _other(name: str, downloaded: Path | None) -> ListingRow:
    folder = downloaded or (Path(name) if Path(name).is_dir() else None)
    return ListingRow(
        name=name,
        family="?",
        parameters=0,
        gigabytes=0,
        licence="?",
        verified="no",
        folder=None if folder is None else str(folder),
        usable=folder is not None and is_whole(folder),
        used=True,
        speed=NOT_MEASURED,
        about="not in the catalogue",
    )


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `models`."""
    flags.add_argument("what", nargs="?", choices=("list", "use"), default="list", help="use: set the server's model")
    flags.add_argument(
        "name", nargs="?", metavar="NAME|PATH", help="use: a model of the list or hub, a folder, embedded, or auto"
    )
    flags.add_argument("--yes", action="store_true", help="use: download without asking")
    flags.add_argument("--json", action="store_true", help="list: print JSON; use: report progress as lines of JSON")
    flags.add_argument(
        "--auto", action="store_true", help="use: download it, and leave the choice to infill.model = auto"
    )
    source = flags.add_mutually_exclusive_group()
    source.add_argument(
        "--keep-source", dest="keep_source", action="store_true", default=True, help="use: keep the downloaded file"
    )
    source.add_argument(
        "--drop-source",
        dest="keep_source",
        action="store_false",
        help="use: delete the downloaded file once it is converted",
    )


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """List the models, or set the server's model; return the exit code.

    Raises:
        InfillError: the model cannot be used.
    """
    from infill_lsp.cli import models_use, models_use_published
    from infill_lsp.cli.models_use_published import UseCommand

    if chosen.what == "use":
        if not chosen.name:
            raise models_use.ChoiceError("models use: which one? `infill-lsp models` lists them")
        if model := find(chosen.name):
            wanted = UseCommand(model, chosen.yes, chosen.json, chosen.auto, chosen.keep_source)
            return models_use_published.run(wanted, engine)
        return models_use.run(chosen.name, yes=chosen.yes)
    return show(as_json=chosen.json)


def show(*, as_json: bool) -> int:
    """Print the listing; return 0."""
    hub = hub_folder(os.environ)
    settings, _ = user_config.load()
    found = rows(ENTRIES, lambda name: snapshot(hub, name), settings, probes.stored())
    if as_json:
        print(json.dumps([asdict(it) for it in found], indent=2, ensure_ascii=False))
    else:
        _show(found, settings)
    return 0


def _show(found: Sequence[ListingRow], settings: ServerSettings) -> None:
    from rich.console import Console  # keeps --help quick
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    measured = any(it.speed != NOT_MEASURED and it.name not in (EMBEDDED, ENDPOINT) for it in found)
    headings = ("model", "family", "size", "memory", "licence", "verified", "here", "speed")
    for heading in headings if measured else headings[:-1]:
        number = heading in ("size", "memory")
        table.add_column(heading, justify="right" if number else "left", no_wrap=heading not in ("licence", "speed"))
    for it in found:
        table.add_row(*_cells(it), *([it.speed] if measured else []))
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table)
    dtype = "bfloat16" if settings.dtype == "auto" else settings.dtype
    lines = [
        f"Memory is for the weights in {dtype}. Verified: compared with the outputs of the family's own code.",
        "`infill-lsp models use NAME` downloads a model if it is not here, and sets it for the server.",
        f"infill.model is {settings.engine.model}. {choose(settings).why}",
    ]
    lines += [f"endpoint: {it.about.rstrip('.')}." for it in found if it.name == ENDPOINT]
    if not measured:
        lines.append("Their speed here was not measured: `infill-lsp doctor --probe`.")
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _cells(it: ListingRow) -> tuple[str, ...]:
    size = f"{it.parameters / 1e9:.1f} B" if it.parameters >= 1e8 else f"{it.parameters / 1e6:.0f} M"
    memory = f"{it.gigabytes:.1f} GB" if it.gigabytes >= 0.1 else "< 0.1 GB"
    if not it.parameters:
        size = memory = "-" if it.name == ENDPOINT else "?"
    verified = "yes" if it.verified == "logits and decodes" else it.verified
    lacks = "not allowed" if it.name == ENDPOINT else "half" if it.folder else "missing" if it.used else "no"
    if it.used:
        return it.name, it.family, size, memory, it.licence, verified, "in use" if it.usable else f"in use, {lacks}"
    here = "allowed" if it.name == ENDPOINT else "yes"
    return it.name, it.family, size, memory, it.licence, verified, here if it.usable else lacks
