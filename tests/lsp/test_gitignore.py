"""What git says it ignores is what is taken for ignored."""

import random
import subprocess
from pathlib import Path

import pytest

from infill_lsp.gitignore import Ignored

PATTERNS = ["*.log", "build/", "/dist", "!keep.log", "a/**/z.py", "src/*.py", "!src/b.py", "doc?.md", "**/gen", "b/"]
FOLDERS = ["", "src/", "build/", "a/b/c/", "dist/x/", "src/build/", "x/gen/"]
NAMES = ["a.log", "keep.log", "z.py", "b.py", "doc1.md", "gen"]


def repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def git_ignores(root: Path, names: list[str]) -> set[str]:
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=root,
        input="\n".join(names),
        capture_output=True,
        text=True,
        check=False,
    )
    return set(asked.stdout.split())


@pytest.mark.parametrize("seed", range(12))
def test_the_same_files_as_git(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    root = repository(tmp_path)
    for place in [".gitignore", "src/.gitignore", "a/b/.gitignore", ".git/info/exclude"]:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("\n".join(rng.sample(PATTERNS, 3)) + "\n")
    names = [folder + name for folder in FOLDERS for name in NAMES if folder + name != "x/gen/gen"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    ignored = Ignored()
    assert {it for it in names if ignored.ignores(root / it, root)} == git_ignores(root, names)


def test_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    root, ignored = repository(tmp_path), Ignored()
    assert not ignored.ignores(root / "a.py", root)
    (root / ".gitignore").write_text("a.py\n")
    assert ignored.ignores(root / "a.py", root)
    (root / ".gitignore").unlink()
    assert not ignored.ignores(root / "a.py", root)


def test_a_workspace_inside_of_a_repository_obeys_it(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / ".gitignore").write_text("/part/out/\n")
    assert Ignored().ignores(root / "part" / "out" / "a.py", root / "part")


def test_patterns_count_without_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("out/\n")
    assert Ignored().ignores(tmp_path / "out" / "a.py", tmp_path)
