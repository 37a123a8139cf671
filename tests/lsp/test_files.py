"""Read files safely, and replace them without losing data."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infill_lsp.errors import SourceError
from infill_lsp.text import files, swap


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_bytes("é = 1\r\n".encode())
    return path


def left_over(path: Path) -> list[str]:
    return [other.name for other in path.parent.iterdir() if other.name != path.name]


def test_text_is_read_as_it_is(file: Path) -> None:
    assert files.read_file(file).text == "é = 1\r\n"


def test_a_byte_order_mark_is_no_text_and_stays(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfx = 1\n")
    source = files.read_file(file)
    assert source.text == "x = 1\n"
    source.write("x = 2\n")
    assert file.read_bytes() == b"\xef\xbb\xbfx = 2\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x = 1\0\n", r"is binary \(byte 5 is NUL\)"),
        (b"x = '\xe9'\n", r"is not UTF-8 \(byte 5 is 0xe9\)"),
        (b"x = '\xed\xa0\x80'\n", "is not UTF-8"),
        (b"#" * (files.LARGEST + 1), "is larger than 5 MB"),
    ],
)
def test_what_is_no_text_is_refused(file: Path, data: bytes, words: str) -> None:
    file.write_bytes(data)
    with pytest.raises(SourceError, match=words):
        files.read_file(file)


def test_the_largest_file_is_read(file: Path) -> None:
    file.write_bytes(b"#" * files.LARGEST)
    assert len(files.read_file(file).text) == files.LARGEST


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such file"):
        files.read_file(tmp_path / "none.py")
    with pytest.raises(SourceError, match="is a folder"):
        files.read_file(tmp_path)
    with pytest.raises(SourceError, match="not a regular file"):
        files.read_file(Path(os.devnull))
    with pytest.raises(SourceError, match="cannot be read"):
        files.read_file(tmp_path / "a\0b")
    with pytest.raises(SourceError, match="cannot be read"):
        files.read_file(tmp_path / ("n" * 300))


def test_a_replaced_file_keeps_its_mode_and_leaves_nothing_behind(file: Path) -> None:
    file.chmod(0o751)
    files.read_file(file).write("new\n")
    assert file.read_text() == "new\n"
    assert file.stat().st_mode & 0o777 == 0o751
    assert left_over(file) == []


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(file)
    files.read_file(link).write("new\n")
    assert link.is_symlink()
    assert file.read_text() == "new\n"


def test_a_file_that_changed_meanwhile_is_left_alone(file: Path) -> None:
    source = files.read_file(file)
    file.write_text("someone else's\n")
    with pytest.raises(SourceError, match="was changed by someone else in the meantime"):
        source.write("mine\n")
    assert file.read_text() == "someone else's\n"
    assert left_over(file) == []


@pytest.mark.parametrize("rewrite", ["in place", "by a new file"])
def test_what_someone_else_writes_at_the_last_moment_is_not_lost(
    file: Path, rewrite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes just before the rename, after all checks of the file."""
    source = files.read_file(file)
    script = {"in place": 'printf theirs > "$1"', "by a new file": 'printf theirs > "$1.new" && mv "$1.new" "$1"'}

    def interrupted(rename: Callable[[Path, Path], object]) -> Callable[[Path, Path], object]:
        def later(one: Path, other: Path) -> object:
            monkeypatch.undo()
            subprocess.run(("sh", "-c", script[rewrite], "sh", str(file)), check=True)
            return rename(one, other)

        return later

    monkeypatch.setattr(Path, "replace", interrupted(Path.replace))
    monkeypatch.setattr(swap, "exchange", interrupted(swap.exchange))
    with pytest.raises(SourceError, match="was changed by someone else in the meantime"):
        source.write("mine\n")
    assert file.read_text() == "theirs"
    assert left_over(file) == []


def test_where_names_cannot_be_exchanged_a_file_is_replaced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    files.read_file(file).write("new\n")
    assert file.read_text() == "new\n"
    assert left_over(file) == []


def test_a_file_with_other_names_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "same.py").hardlink_to(file)
    with pytest.raises(SourceError, match=r"has 2 names \(hard links\)"):
        files.read_file(file).write("new\n")
    assert (tmp_path / "same.py").read_bytes() == file.read_bytes() == "é = 1\r\n".encode()


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace.html")
    with pytest.raises(SourceError, match="is not a regular file"):
        files.replace_file(tmp_path / "trace.html", b"<p>")


def test_setuid_and_setgid_stay(file: Path) -> None:
    file.chmod(0o6755)
    files.read_file(file).write("new\n")
    assert file.stat().st_mode & 0o7777 == 0o6755


def test_setuid_that_cannot_stay_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o4755)
    before = file.read_bytes()
    chmod = Path.chmod
    monkeypatch.setattr(Path, "chmod", lambda path, mode: chmod(path, mode & 0o777))  # As some file systems do.
    with pytest.raises(SourceError, match="its owner or its setuid and setgid bits cannot be kept"):
        files.read_file(file).write("new\n")
    assert file.read_bytes() == before
    assert left_over(file) == []


def test_extended_attributes_stay_or_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        os.setxattr(file, "user.note", b"mine")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    files.read_file(file).write("new\n")
    assert os.getxattr(file, "user.note") == b"mine"

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(SourceError, match=r"its extended attribute user\.note cannot be kept"):
        files.read_file(file).write("newer\n")
    assert file.read_text() == "new\n"
    assert left_over(file) == []


def test_a_file_that_went_away_meanwhile_is_not_made_again(file: Path) -> None:
    source = files.read_file(file)
    file.unlink()
    with pytest.raises(SourceError, match="cannot be written"):
        source.write("mine\n")
    assert not file.exists()
    assert left_over(file) == []


def test_a_new_file_gets_the_mode_of_any_new_file(tmp_path: Path) -> None:
    files.replace_file(tmp_path / "new.html", b"<p>")
    (tmp_path / "other").touch()
    assert (tmp_path / "new.html").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no folder"):
        files.check_writable(tmp_path / "none" / "a.html")
    with pytest.raises(SourceError, match="is a folder"):
        files.check_writable(tmp_path)
