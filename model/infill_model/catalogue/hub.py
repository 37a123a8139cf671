"""The hub's cache of downloaded models on this machine, and the names of its folders.

Must not depend on networks or on the contents of a checkpoint.
"""

import json
from collections.abc import Mapping
from pathlib import Path


def hub_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder where the hub's own tools keep downloads (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME)."""
    if place := environment.get("HF_HUB_CACHE"):
        return Path(place)
    if place := environment.get("HF_HOME"):
        return Path(place) / "hub"
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "huggingface" / "hub"


def model_folder(hub: Path, name: str) -> Path:
    """Return the folder of everything ever downloaded of a model."""
    return hub / f"models--{name.replace('/', '--')}"


def snapshot(hub: Path, name: str) -> Path | None:
    """Return the newest folder of a model in the hub's cache; None if it was not downloaded."""
    found = (model_folder(hub, name) / "snapshots").glob("*/config.json")
    newest = max(found, key=lambda it: it.lstat().st_mtime, default=None)
    return None if newest is None else newest.parent


def shown_name(folder: Path) -> str:
    """Return the display name of the model in a folder: its hub name if it was downloaded, otherwise the folder's."""
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
    return folder.name


def is_whole(folder: Path) -> bool:
    """Report whether all weight files of a downloaded folder exist; not whether they are valid."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return (folder / "model.safetensors").exists()
    try:
        places = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {})
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    return isinstance(places, dict) and all((folder / str(it)).is_file() for it in set(places.values()))
