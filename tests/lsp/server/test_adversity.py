"""Servers that cannot write, whose folder is gone, or that are given something unreadable to load."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from raw_client import ENVIRONMENT, FAKE, REAL, RawClient

from infill_lsp.settings.settings import EngineSettings, ServerSettings, cores, read

SETTINGS: dict[str, Any] = {"confidence": 0, "threads": 1, "budget": {"automatic": 20_000, "invoked": 20_000}}
CODE = "def area(width, height):\n    return width * height\n\n\nprint(area(1, 2))\nprint(area(3,\n"


def within(script: str, *words: object, command: Sequence[str] = REAL) -> tuple[str, ...]:
    """Return the command of a server that a shell starts after running a script."""
    return ("sh", "-c", f'{script}; shift {len(words)}; exec "$@"', "sh", *map(str, words), *command)


def fills(client: RawClient) -> bool:
    client.open(CODE)
    return bool(client.items(client.inline("file:///a.py", 5, 13, kind=1)))


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits")
def test_it_fills_where_no_file_can_be_written() -> None:
    """A full disk: the limit on file size is zero."""
    with RawClient(within("ulimit -f 0")) as client:
        client.initialize(initializationOptions=SETTINGS)
        client.status("ready")
        assert fills(client)
        assert client.end() == 0


@pytest.mark.skipif(os.name == "nt", reason="a working folder cannot be deleted")
def test_it_fills_where_its_working_folder_was_deleted(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with RawClient(within('cd "$1" && rmdir "$1"', gone)) as client:
        client.initialize(initializationOptions=SETTINGS)
        client.status("ready")
        assert fills(client)
        assert client.end() == 0


def test_it_leaves_nothing_in_the_temporary_folder_nor_at_home(tmp_path: Path) -> None:
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    unset = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("XDG_")}
    with RawClient(environment=unset | {"TMPDIR": str(temporary), "HOME": str(home)}, command=REAL) as client:
        client.initialize(initializationOptions=SETTINGS)
        client.status("ready")
        assert fills(client)
        assert client.end() == 0
    assert [*temporary.rglob("*"), *home.rglob("*")] == []


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
@pytest.mark.parametrize(
    ("spoil", "words"),
    [(lambda it: it.write_text("[" * 100_000), "cannot be read as JSON"), (os.mkfifo, "is not a regular file")],
    ids=["too deep", "a pipe"],
)
def test_a_configuration_that_cannot_be_read_ends_nothing(
    tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    (tmp_path / "infill-lsp").mkdir()
    spoil(tmp_path / "infill-lsp/config.json")
    with RawClient(FAKE, environment=ENVIRONMENT | {"XDG_CONFIG_HOME": str(tmp_path)}) as client:
        client.initialize()
        client.until(lambda it: it.get("method") == "window/logMessage" and words in it["params"]["message"])
        client.status("ready")
        assert client.end() == 0


def test_no_settings_is_no_complaint() -> None:
    usual, current = ServerSettings(), ServerSettings(candidates=2)
    assert read({"infill": None}, usual, current) == (usual, ())
    assert read({"infill": {"budget": None, "candidates": 3}}, usual, current) == (ServerSettings(candidates=3), ())


def test_threads_beyond_the_cores_are_clamped_and_said() -> None:
    usual = ServerSettings()
    settings, (complaint,) = read({"threads": 1024}, usual, usual)
    assert complaint.startswith(f"infill.threads is 1024, but {cores()} cores can be used here")
    assert settings.engine.cpu_threads == cores()
    assert read({"threads": 1024}, usual, settings)[1] == (), "it is said once"
    assert read({"threads": 1}, usual, usual)[1] == ()
    assert EngineSettings(threads=1).cpu_threads == 1


def test_a_thousand_threads_fill_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(CODE)
    command = (sys.executable, "-P", "-m", "infill_lsp.cli", "fill", f"{file}:6:13", "--threads", "1024", "--json")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=ENVIRONMENT)
    assert '"text"' in done.stdout
    assert done.stderr == (
        f"infill-lsp: --threads is 1024, but {cores()} cores can be used here, and more threads would hang; "
        f"{cores()} are used\n"
    )


SHADOWS = ("json", "typing", "logging", "asyncio", "queue", "argparse", "token", "types", "re", "enum")
START = "import sys; from infill_lsp.cli.main import main; sys.exit(main())"
"""The program that pip generates."""


def test_files_in_pythonpath_do_not_take_the_place_of_pythons_own(tmp_path: Path) -> None:
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    path = os.pathsep.join((str(tmp_path), ENVIRONMENT["PYTHONPATH"]))
    command = (sys.executable, "-P", "-c", START, "--stdio")
    with RawClient(command, environment=ENVIRONMENT | {"PYTHONPATH": path}) as client:
        client.initialize(initializationOptions=SETTINGS)
        client.status("ready")
        assert client.end() == 0


def test_a_file_that_has_taken_the_place_of_pythons_own_already_is_named(tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").touch()
    path = os.pathsep.join((str(tmp_path), ENVIRONMENT["PYTHONPATH"]))
    command = (sys.executable, "-c", "import colorsys; import infill_lsp")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT | {"PYTHONPATH": path})
    said = f"infill-lsp: {tmp_path}/colorsys.py shadows Python's own colorsys: rename it\n"
    assert done.stderr == said
