"""Which excerpts of other files are ready for a cursor, and which never are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_lsp.context import Workspace
from infill_lsp.context.workspace import REGION
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

BUDGET = 4000

SHAPES = '''"""Shapes."""

LARGEST = 100


class Circle(Base):
    """A round thing.

    It has no corners.
    """

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(
        self,
        digits: int = 2,
    ) -> float:
        return round(3.14 * self.radius**2, digits)


def draw(circle, *, colour="red"):
    """Put it on the screen."""
    hidden = 1
'''

MAIN = "from shapes import Circle, draw as paint\n\n\ndef main():\n    circle = Circle($0)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shapes.py").write_text(SHAPES)
    return tmp_path


@pytest.fixture
def workspace(root: Path) -> Iterator[Workspace]:
    workspace = Workspace([root])
    yield workspace
    workspace.close()


def document(path: Path, text: str) -> tuple[Document, int]:
    """Return a document and the offset of its `$0`."""
    return Document(path.as_uri(), text.replace("$0", ""), languages.of_file(path.name)), max(0, text.find("$0"))


def ready(workspace: Workspace, at: tuple[Document, int], budget: int = BUDGET) -> tuple[str, ...]:
    workspace.excerpts(*at, budget)
    assert workspace.settle()
    return workspace.excerpts(*at, budget)


def test_the_signatures_of_imported_names(workspace: Workspace, root: Path) -> None:
    found = "\n".join(ready(workspace, document(root / "sub.py", MAIN)))
    assert 'class Circle(Base):\n    """A round thing."""\n    def __init__(self, radius: float) -> None:\n' in found
    assert "    def area( self, digits: int = 2, ) -> float:\n" in found
    assert 'def draw(circle, *, colour="red"):\n    """Put it on the screen."""\n' in found


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("main.py", "from shapes import *, draw"),
        ("main.py", "from shapes import (\n    LARGEST,  # a number\n    draw,\n)"),
        ("main.py", "import shapes\nshapes.draw(1)"),
        ("main.py", "import shapes as s\ns.draw(1)"),
        ("main.py", "from pkg import draw"),
        ("pkg/inner/main.py", "from ...shapes import draw"),
        ("pkg/main.py", "from .. import shapes\nshapes.draw(1)"),
        ("pkg/main.py", "from . import draw"),
    ],
)
def test_ways_to_import(workspace: Workspace, root: Path, place: str, line: str) -> None:
    (root / "pkg" / "inner").mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text("from ..shapes import draw\n")
    found = ready(workspace, document(root / place, f"{line}\n\nx = $0\n"))
    assert any("def draw(circle" in it for it in found)


def test_relative_imports_of_scripts(workspace: Workspace, root: Path) -> None:
    (root / "lib").mkdir()
    (root / "lib" / "index.js").write_text("export const LIMIT = 3\nLIMIT_OF_ALL = 4\n")
    found = ready(workspace, document(root / "a.js", "import { LIMIT_OF_ALL as most } from './lib'\n$0\n"))
    assert found == ("LIMIT_OF_ALL = 4\n",)


def test_what_is_like_the_code_around_the_cursor_comes_last(workspace: Workspace, root: Path) -> None:
    (root / "far").mkdir()
    for name, text in (("near", "parcel.weigh(scale)\nparcel.stamp(office)\n"), ("other", "scale = weigh_all(1)\n")):
        workspace.opened(document(root / "far" / f"{name}.py", text)[0])
    at = document(root / "main.py", "parcel.weigh(scale)\nparcel.$0\n")
    assert ready(workspace, at)[-1] == "parcel.weigh(scale)\nparcel.stamp(office)\n"


def test_open_documents_count_as_they_are_in_the_editor(workspace: Workspace, root: Path) -> None:
    workspace.opened(document(root / "shapes.py", "def draw(pen):\n    pass\n")[0])
    assert "def draw(pen):\n" in "".join(ready(workspace, document(root / "main.py", MAIN)))
    workspace.closed((root / "shapes.py").as_uri())
    assert "def draw(circle" in "".join(ready(workspace, document(root / "main.py", MAIN)))


def test_what_privacy_forbids_is_never_an_excerpt(root: Path) -> None:
    hidden = "circle = Circle(radius)  # parcel\n"
    (root / ".gitignore").write_text("ignored.py\n")
    key = "-----BEGIN PRIVATE" + " KEY-----\n"
    names = {".env": hidden, "ignored.py": hidden, "mine.py": hidden, "key.py": key + hidden}
    workspace = Workspace([root], patterns=["mine.py"])
    for name, text in names.items():
        (root / name).write_text(text)
        workspace.opened(document(root / name, text)[0])
        workspace.excerpts(*document(root / "main.py", MAIN), BUDGET)
    assert all("parcel" not in it for it in ready(workspace, document(root / "main.py", MAIN)))
    workspace.close()


def test_nothing_outside_of_the_workspace_is_read(root: Path) -> None:
    (root / "inside").mkdir()
    workspace = Workspace([root / "inside"])
    assert ready(workspace, document(root / "inside" / "main.py", f"from ..shapes import draw\n{MAIN}")) == ()
    workspace.close()


def test_the_first_request_does_not_wait(workspace: Workspace, root: Path) -> None:
    assert workspace.excerpts(*document(root / "main.py", MAIN), BUDGET) == ()


def test_excerpts_stay_while_someone_types(workspace: Workspace, root: Path) -> None:
    typed = document(root / "main.py", MAIN)
    first = ready(workspace, typed)
    for addition in "colour = LARGEST\n" * 2:
        text, offset = typed[0].text, typed[1]
        typed = (typed[0].edited(offset, offset, addition), offset + 1)
        workspace.changed(typed[0])
        assert workspace.excerpts(*typed, BUDGET) is first
        assert text != typed[0].text


def test_excerpts_are_chosen_anew_elsewhere_and_when_others_change(workspace: Workspace, root: Path) -> None:
    (root / "shapes.py").unlink()
    other, _ = document(root / "far.txt", "alpha_beta(gamma_delta)\n")
    text = "circle\n" * 3 + "\n" * 2 * REGION + "alpha_beta(gamma_delta$0)\n"
    workspace.opened(other)
    far = document(root / "main.py", text)
    assert ready(workspace, (far[0], 0)) == ()
    assert ready(workspace, far) == (other.text,)
    changed = other.edited(0, 0, "new_name ")
    workspace.changed(changed)
    assert ready(workspace, far) == (changed.text,)


def test_a_file_that_changed_on_disk_is_read_again(root: Path) -> None:
    at = document(root / "main.py", MAIN)
    first = Workspace([root])
    assert "def draw(circle" in "".join(ready(first, at))
    (root / "shapes.py").write_text("def draw(brush):\n    pass\n")
    os.utime(root / "shapes.py", ns=(1, 1))
    assert "def draw(brush" in "".join(ready(first, at, BUDGET + 1))
    first.close()


def test_all_excerpts_fit_the_budget(workspace: Workspace, root: Path) -> None:
    workspace.opened(document(root / "b.py", "circle = Circle(draw)\n" * 200)[0])
    for budget in (0, 100, 500, 2000):
        assert sum(map(len, ready(workspace, document(root / "main.py", MAIN), budget))) <= budget


def test_broken_and_strange_files_do_no_harm(workspace: Workspace, root: Path) -> None:
    (root / "shapes.py").write_bytes(b"\xff\xfe\x00def draw(")
    (root / "empty.py").write_text("")
    (root / "half.py").write_text("def draw(\nclass Circle(:\n  'doc\n")
    text = "from shapes import draw\nfrom half import draw, (\nfrom .......x import y\nimport\nfrom empty import z\n$0"
    assert ready(workspace, document(root / "main.py", text)) is not None
    untitled = Document("untitled:Untitled-1", "from shapes import Circle\n", languages.by_id("python"))
    assert ready(workspace, (untitled, 5)) == ()


HIDDEN = "circle = Circle(radius)  # parcel\ndef draw(parcel):\n    pass\n"


@pytest.fixture
def outside(root: Path) -> Path:
    """Create a folder beside the workspace `inside`, with files that must not be read."""
    for name in ("inside/lib", "outside/.aws", "outside/.ssh"):
        (root / name).mkdir(parents=True)
    for name in ("other.py", "other.js", "package.py", ".aws/credentials", ".ssh/id_rsa"):
        (root / "outside" / name).write_text(HIDDEN)
    (root / "outside" / "other.js").write_text("export function draw(parcel) {\n  circle = new Circle(parcel)\n}\n")
    return root / "outside"


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("local.py", ".env"),
        ("awsconf.py", "../outside/.aws/credentials"),
        ("deploy.py", "../outside/.ssh/id_rsa"),
        ("other.py", "../outside/other.py"),
        ("twice.py", "lib/../local.py"),
        ("ignored.py", "lib/ignored.py"),
    ],
)
def test_links_do_not_lead_outside_nor_to_secrets(root: Path, outside: Path, link: str, target: str) -> None:
    inside = root / "inside"
    (inside / ".env").write_text(HIDDEN)
    (inside / "lib" / "ignored.py").write_text(HIDDEN)
    (inside / ".gitignore").write_text("/lib/ignored.py\n")
    if link == "twice.py":
        (inside / "local.py").symlink_to(".env")
    (inside / link).symlink_to(target)
    workspace = Workspace([inside])
    code = MAIN.replace("from shapes", f"from {Path(link).stem}")
    assert "parcel" not in "".join(ready(workspace, document(inside / "main.py", code)))
    opened, _ = document(inside / link, HIDDEN)
    workspace.opened(opened)
    assert "parcel" not in "".join(ready(workspace, document(inside / "main.py", code))), "nor when it is open"
    workspace.close()


def test_a_linked_folder_does_not_lead_out_of_the_workspace(root: Path, outside: Path) -> None:
    (root / "inside" / "pkg").symlink_to("../outside")
    workspace = Workspace([root / "inside"])
    for code in ("from pkg.other import draw", "from pkg import package", "import pkg.other\npkg.other.draw(1)"):
        assert ready(workspace, document(root / "inside" / "main.py", f"{code}\nCircle($0)\n")) == ()
    assert ready(workspace, document(root / "inside" / "pkg" / "main.py", MAIN)) == (), "its neighbours"
    workspace.close()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.js", "import { draw } from '../outside/other'"),
        ("a.ts", "export { draw } from './lib/../../outside/other.js'"),
        ("a.py", "from ..outside.other import draw"),
    ],
)
def test_dots_do_not_lead_out_of_the_workspace(root: Path, outside: Path, name: str, line: str) -> None:
    workspace = Workspace([root / "inside"])
    assert ready(workspace, document(root / "inside" / name, f"{line}\nCircle($0)\n")) == ()
    workspace.close()


def test_open_documents_outside_of_the_workspace_are_no_context(root: Path, outside: Path) -> None:
    workspace = Workspace([root / "inside"])
    for name in (
        (outside / "other.py").as_uri(),
        f"git:{outside}/other.py",
        f"vscode-notebook-cell:{outside}/a.ipynb#1",
    ):
        workspace.opened(Document(name, HIDDEN, languages.by_id("python")))
    at = document(root / "inside" / "main.py", MAIN)
    assert ready(workspace, at) == ()
    workspace.opened(Document("untitled:Untitled-1", HIDDEN, languages.by_id("python")))
    assert "parcel" in "".join(ready(workspace, at))
    workspace.close()


@pytest.mark.parametrize("by", ["link", "work"])
def test_a_workspace_opened_through_a_link_is_the_same_workspace(root: Path, by: str) -> None:
    (root / "work" / "pkg").mkdir(parents=True)
    (root / "work" / "pkg" / "shapes.py").write_text(SHAPES)
    (root / "link").symlink_to("work")
    for folder in {"link", "work"} - {by}:
        workspace = Workspace([root / folder])
        found = ready(workspace, document(root / by / "pkg" / "main.py", MAIN.replace("shapes", "pkg.shapes")))
        assert "def draw(circle" in "".join(found)
        workspace.opened(document(root / by / "pkg" / "shapes.py", "def draw(pen):\n    pass\n")[0])
        found = ready(workspace, document(root / folder / "pkg" / "main.py", MAIN))
        assert "def draw(pen)" in "".join(found)
        assert "def draw(circle" not in "".join(found), "the same file is not read beside what is open"
        workspace.close()


def test_links_within_the_workspace_are_followed(workspace: Workspace, root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "shapes.py").symlink_to("../shapes.py")
    found = ready(workspace, document(root / "sub" / "main.py", MAIN))
    assert "def draw(circle" in "".join(found)


def test_a_link_that_leads_elsewhere_now_is_judged_anew(root: Path, outside: Path) -> None:
    inside = root / "inside"
    (inside / "real.py").write_text(SHAPES)
    (inside / "shapes.py").symlink_to("real.py")
    workspace = Workspace([inside])
    assert "def draw(circle" in "".join(ready(workspace, document(inside / "main.py", MAIN)))
    (inside / "shapes.py").unlink()
    (inside / "shapes.py").symlink_to("../outside/other.py")
    assert "parcel" not in "".join(ready(workspace, document(inside / "main.py", MAIN), BUDGET + 1))
    workspace.close()


def test_what_git_ignores_from_now_on_is_no_context_any_more(root: Path) -> None:
    workspace = Workspace([root])
    opened, _ = document(root / "pens.py", HIDDEN)
    workspace.opened(opened)
    at = document(root / "main.py", MAIN)
    found = "".join(ready(workspace, at))
    assert "parcel" in found
    assert "def draw(circle" in found
    (root / ".gitignore").write_text("shapes.py\npens.py\n")
    assert ready(workspace, at, BUDGET + 1) == ()
    workspace.close()
