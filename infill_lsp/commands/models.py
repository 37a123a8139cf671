"""`infill-lsp models`: which models can be used, how large they are, under which licence, verified or not, here or not.

It asks no network and loads nothing.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infill_model.backends.catalogue import ENTRIES, Entry, embedded_parameters


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the listing.

    Attributes:
        name: of the model.
        family: that runs it.
        parameters: how many.
        gigabytes: what its weights take in bfloat16.
        licence: of the weights.
        verified: against the reference of its family: logits and decodes, logits, no, or its own.
        folder: where it is installed, None if it is not; this is what `--model` is to be given.
        about: what it is good for.
    """

    name: str
    family: str
    parameters: float
    gigabytes: float
    licence: str
    verified: str
    folder: str | None
    about: str


def rows(entries: Sequence[Entry], installed: Callable[[str], Path | None]) -> list[Row]:
    """The listing, the embedded model first; `installed` gives the folder of a model by its name on the hub."""
    count = embedded_parameters()
    own = Row(
        "embedded",
        "infill",
        count,
        round(count * 2e-9, 3),
        "Apache-2.0",
        "its own",
        "embedded",
        "ships",
    )
    return [own, *(_row(it, installed(it.name)) for it in entries)]


def _row(entry: Entry, folder: Path | None) -> Row:
    return Row(
        name=entry.name,
        family=entry.family,
        parameters=entry.parameters,
        gigabytes=round(entry.gigabytes(), 1),
        licence=entry.licence,
        verified=entry.verified,
        folder=None if folder is None else str(folder),
        about=entry.about,
    )


def hub_folder(environment: Mapping[str, str]) -> Path:
    """Where the hub's own tools keep what they downloaded (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME)."""
    if place := environment.get("HF_HUB_CACHE"):
        return Path(place)
    if place := environment.get("HF_HOME"):
        return Path(place) / "hub"
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "huggingface" / "hub"


def snapshot(hub: Path, name: str) -> Path | None:
    """The folder of a model in the hub's cache, the newest there is; None if it was not downloaded."""
    found = (hub / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/config.json")
    newest = max(found, key=lambda it: it.lstat().st_mtime, default=None)
    return None if newest is None else newest.parent


def run(*, as_json: bool) -> int:
    """Print the listing; returns 0."""
    hub = hub_folder(os.environ)
    found = rows(ENTRIES, lambda name: snapshot(hub, name))
    if as_json:
        print(json.dumps([asdict(it) for it in found], indent=2, ensure_ascii=False))
    else:
        _show(found, hub)
    return 0


def _show(found: Sequence[Row], hub: Path) -> None:
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for heading in ("model", "family", "size", "memory", "licence", "verified", "here"):
        number = heading in ("size", "memory")
        table.add_column(heading, justify="right" if number else "left", no_wrap=heading != "licence")
    for it in found:
        size = f"{it.parameters / 1e9:.1f} B" if it.parameters >= 1e8 else f"{it.parameters / 1e6:.0f} M"
        memory = f"{it.gigabytes:.1f} GB" if it.gigabytes >= 0.1 else "< 0.1 GB"
        verified = "yes" if it.verified == "logits and decodes" else it.verified
        table.add_row(it.name, it.family, size, memory, it.licence, verified, "yes" if it.folder else "no")
    console = Console()
    console.print(table)
    console.print(
        "Memory is that of the weights in bfloat16. Verified: held against the outputs of the family's own code.\n"
        f"To use one, download it with `hf download NAME` (it goes to {hub}) and give its folder: --model PATH.",
        highlight=False,
        soft_wrap=True,
    )
