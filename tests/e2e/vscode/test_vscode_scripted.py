"""The extension in VS Code with a scripted server: what does not depend on a model."""

import re

from .code_server import CodeServer
from .conftest import READY, OpenIn
from .scripted_server import BODY, INSERTED
from .workbench import Workbench

BASKET = '''class Basket:
    """What a customer is about to buy."""

    def __init__(self) -> None:
        self.prices: dict[str, float] = {}

    def add(self, name: str, price: float) -> None:
        self.prices[name] = price

    def total(self) -> float:
        return ...

    def __len__(self) -> int:
        ...
'''.replace("...", "")


INSTALLATION = 240_000
"""Milliseconds that pip may take on a busy machine."""


def installed(window: Workbench) -> None:
    """Takes the offer to install the server, where there is none yet."""
    window.wait_for_status(re.compile("is ready|no server yet"))
    if "no server yet" in (window.status.get_attribute("aria-label") or ""):
        window.picture("offer-to-install")
        window.page.get_by_role("button", name="Install", exact=True).click()
    window.wait_for_status(READY, INSTALLATION)


def test_without_a_server_one_is_installed_into_an_environment_of_its_own(
    scripted_editor: CodeServer, open_in: OpenIn
) -> None:
    window, _ = open_in(scripted_editor, "basket.py", BASKET)
    installed(window)
    window.wait_for_status(re.compile("with a script on paper"))
    assert (scripted_editor.storage / "environment/pyvenv.cfg").exists()
    window.picture("installed")


def test_an_edit_is_shown_before_it_is_made(scripted_editor: CodeServer, open_in: OpenIn) -> None:
    window, file = open_in(scripted_editor, "basket.py", BASKET)
    installed(window)
    window.go_to(14, 9)
    window.run("Infill: Fill This Body")
    preview = window.page.locator(".refactor-preview, .bulk-edit-panel").first
    preview.wait_for()
    window.picture("preview")
    assert BODY not in file.read_text(encoding="utf-8")
    # What needs to be confirmed is not chosen before somebody has chosen it.
    preview.get_by_role("checkbox").last.check()
    window.picture("preview-chosen")
    window.page.get_by_role("button", name="Apply", exact=True).click()
    window.saved(file, lambda text: BODY in text)


def test_the_canvas_condenses_before_ones_eyes(scripted_editor: CodeServer, open_in: OpenIn) -> None:
    window, _ = open_in(scripted_editor, "basket.py", BASKET)
    installed(window)
    window.go_to(11, 16)
    window.run("Infill: Watch the Denoising")
    view = window.page.frame_locator("iframe.webview.ready").frame_locator("iframe")
    view.get_by_text("step 3 of 7").wait_for()
    window.picture("denoising")
    view.get_by_text("step 7 of 7").wait_for()
    view.locator(".canvas").filter(has_text=INSERTED).wait_for()
    window.picture("denoised")
