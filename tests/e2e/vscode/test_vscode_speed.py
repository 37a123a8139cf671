"""Measure the time from a key to ghost text on the screen, for the record and against a generous limit.

The figures go to the folder named by INFILL_E2E_OUT, by default build/e2e, as vscode.json.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

import pytest

from . import code_server, workbench
from .code_server import CodeServer
from .conftest import READY, ROOT, NewWindow
from .test_vscode import BOOKINGS, LOG, MATRIX
from .workbench import Workbench

OUT = Path(os.environ.get("INFILL_E2E_OUT", ROOT / "build" / "e2e"))
_OWN = (Path(it).read_text(encoding="utf-8") for it in (code_server.__file__, workbench.__file__))
FILES = (BOOKINGS, LOG, MATRIX, *_OWN)
"""In a function at the end of each of these files, its own lines are typed again."""

USUAL = {"infill.budget.automatic": 150}
"""The other tests give the model more time. Like them, this one also shows suggestions of low confidence."""
KEYS = 50
"""Keystrokes that must bring new ghost text, if the budget allows that many."""
LEAST = 20
"""Minimum number that must do so, even on a busy machine."""
LONGEST = 1000
"""Milliseconds after which a key counts as having brought no ghost text."""
LIMIT = 2000.0
"""Milliseconds; generous, because a machine that builds something else at the same time is slow."""

_WATCH = """(patience) => {
  const lines = document.querySelector(".editor-instance .view-lines");
  const leaves = () => [...lines.querySelectorAll('[class*="ghost-text"]')].filter(it => !it.children.length);
  const ghost = () => leaves().map(it => it.textContent).join("").replaceAll("\\u00a0", " ");
  const own = () => lines.textContent.length - leaves().reduce((sum, it) => sum + it.textContent.length, 0);
  const before = { own: own(), ghost: ghost() };
  window.seen = new Promise(resolve => addEventListener("keydown", ({ key }) => {
    const pressed = performance.now();
    const look = () => requestAnimationFrame(() => {
      const ms = performance.now() - pressed;
      const followed = before.ghost.startsWith(key);
      const now = ghost();
      if (own() !== before.own && now && (followed || now !== before.ghost)) resolve({ ms, followed });
      else if (ms > patience) resolve({ ms: null, followed });
      else look();
    });
    look();
  }, { once: true, capture: true }));
}"""


@dataclass(frozen=True)
class Key:
    """A keystroke: its milliseconds to ghost text (None without any), and its kind.

    `typed on`: the key matches the ghost text; `new`: it does not, or there was none.
    """

    kind: str
    ms: float | None


@pytest.mark.slow
def test_milliseconds_from_key_to_ghost_text(editor: CodeServer, new_window: NewWindow, tmp_path: Path) -> None:
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode/settings.json").write_text(json.dumps(USUAL), encoding="utf-8")
    (tmp_path / "empty.py").touch()
    window = new_window(editor, tmp_path / "empty.py")
    window.wait_for_status(READY)
    keys: list[Key] = []
    for number, text in enumerate(FILES):
        words = " ".join(dict.fromkeys(re.findall(r"[^\W\d]\w*", text)))  # What a comment names may be suggested.
        code = f"{text}\n\n# {words}\ndef more(bookings, entries, args):\n    \n"
        window.show(tmp_path / f"typed{number}.py", code)
        window.go_to(text.count("\n") + 5, 5)
        for begun, next_two in _beginnings(text):
            if _shown(keys, "new") >= KEYS:
                break
            window.page.keyboard.insert_text(begun)
            window.press("Escape")  # The next key must be new, not typed along.
            keys += [_pressed(window, character) for character in next_two]
            window.empty_line()
    report = {kind: _figures([key for key in keys if key.kind == kind]) for kind in ("new", "typed on")}
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "vscode.json").write_text(json.dumps({**report, "strokes": [asdict(key) for key in keys]}, indent=1))
    print("vscode.json", report)
    assert len(keys) >= KEYS
    assert _shown(keys, "new") >= LEAST
    assert report["new"]["p95_ms"] < LIMIT


def _beginnings(text: str) -> list[tuple[str, str]]:
    """Return lines of code, split into the first word with its separator, and two letters of the next word."""
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.startswith("    "))
    found = (re.match(r"(\w+\W+)(\w\w).{6}", line) for line in lines)
    return [(it[1], it[2]) for it in found if it and not it[1].rstrip().endswith(("'", '"'))]


def _pressed(window: Workbench, key: str) -> Key:
    """Press a key and wait for ghost text."""
    window.page.evaluate(_WATCH, LONGEST)
    window.press(key)
    seen = window.page.evaluate("() => window.seen")
    return Key("typed on" if seen["followed"] else "new", seen["ms"])


def _shown(keys: list[Key], kind: str) -> int:
    return sum(key.kind == kind and key.ms is not None for key in keys)


def _figures(keys: list[Key]) -> dict[str, int]:
    times = [key.ms for key in keys if key.ms is not None]
    if len(times) < 2:
        return {"keys": len(keys), "shown": len(times)}
    cuts = quantiles(times, n=20, method="inclusive")
    return {"keys": len(keys), "shown": len(times), "p50_ms": round(cuts[9]), "p95_ms": round(cuts[18])}
