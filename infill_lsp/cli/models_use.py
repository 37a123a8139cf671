"""`infill-lsp models use NAME`: sets the model that the server runs, and fetches it if it is not here.

NAME is `base`, `base-0.5b`, a model of the catalogue or the hub, a folder, `embedded`, `endpoint` for the configured
endpoint, or `auto`. The command writes the user's configuration and, with the user's agreement, the download.
"""

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from infill_lsp.endpoints import permissions
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.errors import InfillError
from infill_lsp.models import download
from infill_lsp.models.choice import EMBEDDED, choose
from infill_lsp.models.download import DownloadError, DownloadPlan
from infill_lsp.settings import user_config
from infill_lsp.settings.settings import AUTO, ENDPOINT
from infill_model.catalogue import published
from infill_model.catalogue.catalogue import ENTRIES
from infill_model.catalogue.hub import hub_folder, is_whole, snapshot


class ChoiceError(InfillError):
    """There is no such model, or nothing here can run it."""


def run(name: str, *, yes: bool, ask: Callable[[str], bool] | None = None) -> int:
    """Set the model; return 0, or 1 if the user declined the download.

    Args:
        name: of a model outside `infill_model.catalogue.published`; `models_use_published` handles those inside.
        yes: download without asking.
        ask: puts a question to the user; None to ask on the terminal.

    Raises:
        InfillError: there is no such model, nothing can run it, or it cannot be fetched.
    """
    if name == AUTO:
        path = user_config.choose(None)
        print(f"{choose(user_config.load()[0]).why}\n`infill.model` is auto ({path}).")
        return 0
    if name == EMBEDDED:
        print(f"The server runs the embedded model ({user_config.choose(EMBEDDED)}).")
        return 0
    if name == ENDPOINT:
        return _endpoint()
    chosen = _resolved(name)
    if isinstance(chosen, Path):
        folder, value = chosen, str(chosen)
    else:
        found = snapshot(hub_folder(os.environ), chosen)
        if found is None or not is_whole(found):
            found = _downloaded(chosen, yes=yes, ask=ask or ask_terminal)
        if found is None:
            print("Nothing was downloaded, and nothing was changed.")
            return 1
        folder, value = found, chosen
    backend = _backend(folder)
    path = user_config.choose(value)
    print(f"The server runs {value} with the backend {backend}, from {folder}.")
    print(f"This is stored in {path}; `infill.model` in an editor's settings takes precedence over it.")
    return 0


def _endpoint() -> int:
    """Make the server use the endpoint of the user's configuration."""
    settings, _ = user_config.load()
    try:
        host, refusal = permissions.destination(settings.endpoint).host, permissions.refusal(settings.endpoint)
    except EndpointError as error:
        raise ChoiceError(f"{error} (in {user_config.config_file()})") from error
    print(f"The server asks {host} ({user_config.choose(ENDPOINT)}).")
    if refusal:
        print(refusal)
    return 0


def _resolved(name: str) -> Path | str:
    """Return the folder or the name on the hub that `name` refers to.

    Raises:
        ChoiceError: it is neither.
    """
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser().resolve()
    for entry in ENTRIES:
        if name.lower() in (entry.name.lower(), entry.name.rpartition("/")[2].lower()):
            return entry.name
    if name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/"):
        return name
    raise ChoiceError(f"{name} is neither a folder nor a known model{nearest(name)}")


def nearest(name: str) -> str:
    """Return the end of a sentence about an unknown name, with the names that may have been meant."""
    names = {it.name: it.name for it in published.published()} | {it.name.lower(): it.name for it in ENTRIES}
    names |= {it.name.rpartition("/")[2].lower(): it.name for it in ENTRIES}
    close = difflib.get_close_matches(name.lower(), [*names, EMBEDDED, ENDPOINT, AUTO], n=6, cutoff=0.5)
    found = list(dict.fromkeys(names.get(it, it) for it in close))[:3]
    return f"; did you mean {' or '.join(found)}?" if found else "; `infill-lsp models` lists them"


def _downloaded(name: str, *, yes: bool, ask: Callable[[str], bool]) -> Path | None:
    """Describe a model, ask, and fetch it; return None if the user declines."""
    known = any(it.name == name for it in ENTRIES)
    try:
        plan = download.plan(name, hub_folder(os.environ))
    except DownloadError as error:
        raise DownloadError(f"{error}{'' if known else nearest(name)}") from error
    download.check_room(plan)
    if not known:
        with download.look(plan) as folder:
            _backend(folder, name)
    print(_described(plan), flush=True)
    if not (yes or ask("Download it?")):
        return None
    try:
        return download.fetch(plan)
    except KeyboardInterrupt:
        print("\nStopped; the partial download is kept, and the same command resumes it.", file=sys.stderr)
        raise


def _described(plan: DownloadPlan) -> str:
    return (
        f"{plan.name}: {plan.size / 1e9:.2f} GB in {len(plan.files)} files, licence {plan.licence}.\n"
        f"It goes to {plan.folder}. No code is downloaded, and only the names of these files are sent."
    )


def ask_terminal(question: str) -> bool:
    """Ask a yes-or-no question on the terminal; no answer means no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _backend(folder: Path, name: str = "") -> str:
    """Return the backend of the checkpoint in a folder, found by a separate process because that needs torch.

    Raises:
        ChoiceError: no backend runs it.
    """
    command = [sys.executable, "-P", "-m", "infill_model.checkpoints.claims", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2]
        raise ChoiceError(f"{folder}: cannot tell which backend runs it ({last}); `infill-lsp doctor` may know why")
    answer = json.loads(done.stdout)
    if answer["problem"]:
        raise ChoiceError(answer["problem"].replace(str(folder), name) if name else answer["problem"])
    return str(answer["backend"])
