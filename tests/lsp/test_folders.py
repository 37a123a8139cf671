"""Names in folders: listed once, again when the folder has changed, and nearest first."""

import os
import time
from pathlib import Path

import pytest
from pace import slowness

from infill_lsp.context import folders
from infill_lsp.context.folders import Folders
from infill_lsp.context.sources import Sources


def settle(folder: Path) -> None:
    """Make a folder look as if it had been untouched for a while."""
    os.utime(folder, ns=(0, time.time_ns() - 60_000_000_000))


@pytest.mark.parametrize("most", [1, 2, 3, 20])
@pytest.mark.parametrize("own", ["a.py", "c.py", "e.py", "not there.py", "z.py"])
def test_neighbours_are_those_with_the_nearest_names(tmp_path: Path, own: str, most: int) -> None:
    for name in ("a.py", "b.py", "c.py", "d.py", "e.py", "b.txt", ".py", "README"):
        (tmp_path / name).touch()
    names = [it for it in ("a.py", "b.py", "c.py", "d.py", "e.py") if it != own]
    at = sum(it < own for it in names)
    expected = sorted(names, key=lambda it: abs(names.index(it) - at + 0.5))[:most]
    assert [it.name for it in Sources([tmp_path], []).neighbours(tmp_path / own, most)] == expected


def test_a_folder_is_listed_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").touch()
    settle(tmp_path)
    listed: list[object] = []
    scandir = os.scandir
    monkeypatch.setattr(folders.os, "scandir", lambda path: listed.append(path) or scandir(path))
    names = Folders()
    for _ in range(5):
        assert names.names(tmp_path, ".py") == ("a.py",)
    assert len(listed) == 1
    (tmp_path / "b.py").touch()
    assert names.names(tmp_path, ".py") == ("a.py", "b.py")
    assert names.names(tmp_path / "nowhere", ".py") == ()


def test_a_change_right_after_listing_is_not_missed(tmp_path: Path) -> None:
    """The clock of a file system may be too coarse to show it."""
    names = Folders()
    moment = time.time_ns()
    os.utime(tmp_path, ns=(0, moment))
    assert names.names(tmp_path, ".py") == ()
    (tmp_path / "a.py").touch()
    os.utime(tmp_path, ns=(0, moment))
    assert names.names(tmp_path, ".py") == ("a.py",)


def test_sixteen_thousand_neighbours_take_a_moment_once(tmp_path: Path) -> None:
    for number in range(16_000):
        os.close(os.open(tmp_path / f"module_{number}.py", os.O_CREAT | os.O_WRONLY))
    settle(tmp_path)
    sources = Sources([tmp_path], [])
    took = []
    for number in (8_000, 100, 15_000):
        started = time.thread_time()
        assert len(sources.neighbours(tmp_path / f"module_{number}.py", 20)) == 20
        took.append(time.thread_time() - started)
    assert took[0] < 0.2 * slowness()
    assert max(took[1:]) < 0.002 * slowness()
