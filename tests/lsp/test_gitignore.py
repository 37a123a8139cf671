"""Ignored files match git's answer, both where git is called and where only its patterns are read."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_lsp.privacy.gitignore import Ignored

PATTERNS = ["*.log", "build/", "/dist", "!keep.log", "a/**/z.py", "src/*.py", "!src/b.py", "doc?.md", "**/gen", "b/"]
FOLDERS = ["", "src/", "build/", "a/b/c/", "dist/x/", "src/build/", "x/gen/"]
NAMES = ["a.log", "keep.log", "z.py", "b.py", "doc1.md", "gen"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of a user without any configuration."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


@pytest.fixture(params=["git", "patterns"])
def ignored(request: pytest.FixtureRequest) -> Iterator[Ignored]:
    asked = Ignored(shutil.which("git") if request.param == "git" else None)
    yield asked
    asked.end_round()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    git("init", "-q", str(root))
    return root


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True)


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
def test_the_same_files_as_git(ignored: Ignored, root: Path, seed: int) -> None:
    rng = random.Random(seed)
    for place in [".gitignore", "src/.gitignore", "a/b/.gitignore", ".git/info/exclude"]:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("\n".join(rng.sample(PATTERNS, 3)) + "\n")
    names = [folder + name for folder in FOLDERS for name in NAMES if folder + name != "x/gen/gen"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    assert {it for it in names if ignored.ignores(root / it, root)} == git_ignores(root, names)


def test_a_changed_file_counts_in_the_next_round(ignored: Ignored, root: Path) -> None:
    assert not ignored.ignores(root / "a.py", root)
    (root / ".gitignore").write_text("a.py\n")
    ignored.end_round()
    assert ignored.ignores(root / "a.py", root)
    (root / ".gitignore").unlink()
    ignored.end_round()
    assert not ignored.ignores(root / "a.py", root)


def test_the_users_own_file_of_patterns(ignored: Ignored, root: Path, home: Path) -> None:
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text("mine.py\n")
    assert ignored.ignores(root / "sub" / "mine.py", root)
    assert not ignored.ignores(root / "yours.py", root)


def test_a_file_of_patterns_that_the_configuration_names(root: Path, home: Path) -> None:
    (home / "everywhere").write_text("mine.py\n")
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/everywhere\n")
    ignored = Ignored()
    assert ignored.ignores(root / "mine.py", root)
    ignored.end_round()


def test_a_worktree_obeys_what_all_worktrees_share(ignored: Ignored, root: Path, tmp_path: Path) -> None:
    git("-C", str(root), "commit", "-q", "--allow-empty", "-m", "first")
    git("-C", str(root), "worktree", "add", "-q", str(tmp_path / "tree"))
    (root / ".git/info/exclude").write_text("mine.py\n")
    assert ignored.ignores(tmp_path / "tree" / "mine.py", tmp_path / "tree")
    assert not ignored.ignores(tmp_path / "tree" / "yours.py", tmp_path / "tree")


def test_a_workspace_inside_of_a_repository_obeys_it(ignored: Ignored, root: Path) -> None:
    (root / ".gitignore").write_text("/part/out/\n")
    assert ignored.ignores(root / "part" / "out" / "a.py", root / "part")


def test_patterns_count_without_a_repository(ignored: Ignored, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("out/\n")
    assert ignored.ignores(tmp_path / "out" / "a.py", tmp_path)


def test_a_link_is_judged_and_where_it_leads(ignored: Ignored, root: Path) -> None:
    (root / ".gitignore").write_text("/out/\n/link.py\n/folder\n")
    for name in ("out", "src"):
        (root / name).mkdir()
    (root / "to_ignored.py").symlink_to("out/a.py")
    (root / "link.py").symlink_to("src/a.py")
    (root / "folder").symlink_to("src")
    (root / "fine").symlink_to("src")
    names = ["to_ignored.py", "link.py", "folder/a.py", "fine/../out/a.py", "fine/a.py", "src/a.py"]
    assert [ignored.ignores(root / it, root) for it in names] == [True, True, True, True, False, False]


@pytest.mark.parametrize("name", [":(top)a.py", "a\nb.py", "*.py", "-n", "é.py", "a.py "])
def test_odd_names(ignored: Ignored, root: Path, name: str) -> None:
    (root / ".gitignore").write_text("/other.py\n")
    assert not ignored.ignores(root / name, root)
    assert ignored.ignores(root / "other.py", root), "git goes on after it"


def test_git_that_refuses_or_is_not_there_is_replaced_by_the_patterns(root: Path) -> None:
    (root / ".gitignore").write_text("a.py\n")
    (root / ".git/config").write_text("[nonsense\n")
    for asked in (Ignored(), Ignored("no-such-program")):
        assert asked.ignores(root / "a.py", root)
        assert not asked.ignores(root / "b.py", root)
        asked.end_round()


def test_a_repository_runs_nothing(root: Path, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    git("-C", str(root), "config", "core.fsmonitor", f"touch {trap}; false")
    git("-C", str(root), "config", "core.pager", f"touch {trap}; cat")
    git("-C", str(root), "config", "alias.check-ignore", f"!touch {trap}")
    ignored = Ignored()
    ignored.ignores(root / "a.py", root)
    ignored.end_round()
    assert not trap.exists()


def test_variables_of_another_repository_change_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".gitignore").write_text("a.py\n")
    git("init", "-q", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    ignored = Ignored()
    assert ignored.ignores(root / "a.py", root)
    ignored.end_round()
