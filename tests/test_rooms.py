"""The structure of the packages: no cycle between folders, no folder too full, no class name for two classes."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import rooms  # noqa: E402

MOST_ENTRIES = 20
KNOWN = {name: it for package in rooms.PACKAGES for name, it in rooms.modules(package).items()}
DOCUMENTS = sorted(
    it for it in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("model/*.md"), *ROOT.glob("editors/**/*.md")]
    if "node_modules" not in it.parts and it.name not in ("CHANGELOG.md", "log.md")
)  # fmt: skip


def test_no_folder_imports_from_one_that_imports_from_it() -> None:
    graph = rooms.folder_graph(KNOWN)
    assert {"infill_lsp.server", "infill_model.denoising"} <= graph.keys()
    assert rooms.cycles(graph) == []


def test_a_cycle_would_be_found(tmp_path: Path) -> None:
    for folder, line in (("a", "from p.b.two import y"), ("b", "def f() -> None:\n    from p.a import one")):
        (tmp_path / "p" / folder).mkdir(parents=True)
        (tmp_path / "p" / folder / {"a": "one", "b": "two"}[folder]).with_suffix(".py").write_text(line + "\n")
        (tmp_path / "p" / folder / "__init__.py").touch()
    (tmp_path / "p" / "__init__.py").touch()
    assert rooms.cycles(rooms.folder_graph(rooms.modules(tmp_path / "p"))) == [["p.a", "p.b"]]


@pytest.mark.parametrize("package", rooms.PACKAGES, ids=lambda it: it.name)
def test_no_folder_is_too_full(package: Path) -> None:
    assert {name: count for name, count in rooms.entries(package).items() if count > MOST_ENTRIES} == {}


def test_no_class_name_means_two_classes() -> None:
    assert rooms.repeated_classes(KNOWN) == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda it: str(it.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path) -> None:
    """Paths and modules of the packages that a document names exist."""
    text = document.read_text(encoding="utf-8")
    paths = set(re.findall(r"\b(?:model/)?(?:infill_lsp|infill_model|tests|scripts|docs)/[\w./-]*\w(?![\w*{])", text))
    bases = (ROOT, ROOT / "model", document.parent)
    assert [it for it in sorted(paths) if not any((base / it).exists() for base in bases)] == []
    modules = set(re.findall(r"python -m ((?:infill_lsp|infill_model)[\w.]*)", text))
    assert [it for it in sorted(modules) if it not in KNOWN] == []
