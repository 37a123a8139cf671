"""The extension in VS Code with a scripted server: behaviour that does not depend on a model."""

import re

from .code_server import CodeServer
from .conftest import Open
from .scripted_server import BODY, COPIED, INSERTED

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


def test_without_a_server_one_is_installed_into_an_environment_of_its_own(
    scripted_editor: CodeServer, open_scripted: Open
) -> None:
    window, _ = open_scripted("basket.py", BASKET)
    window.wait_for_status(re.compile("with a script on paper"))
    assert (scripted_editor.storage / "environment/pyvenv.cfg").exists()
    window.picture("installed")


def test_an_edit_is_shown_before_it_is_made(open_scripted: Open) -> None:
    window, file = open_scripted("basket.py", BASKET)
    window.go_to(14, 9)
    window.run("Infill: Fill This Body")
    window.wait_for_preview()
    window.page.locator(".tab.active").filter(has_text="Fill this body: by a script").wait_for()
    assert file.read_text(encoding="utf-8") == BASKET
    window.page.get_by_role("button", name="Apply").first.click()
    window.wait_for_no_preview()
    window.saved(file, lambda text: BODY in text)


def test_an_edit_whose_preview_is_closed_is_not_made(open_scripted: Open) -> None:
    window, file = open_scripted("basket.py", BASKET)
    window.go_to(14, 9)
    window.run("Infill: Fill This Body")
    window.wait_for_preview()
    window.run("View: Close Editor")
    window.wait_for_no_preview()
    window.run("Infill: Fill This Body")
    window.wait_for_preview()
    window.press("Control+Enter")
    window.wait_for_no_preview()
    window.saved(file, lambda text: text.count(BODY) == 1)


def test_the_menu_of_the_editor_rewrites_what_is_selected(open_scripted: Open) -> None:
    window, file = open_scripted("basket.py", BASKET)
    window.go_to(8, 9)
    window.press("Shift+End")
    entry = window.context_menu().filter(has_text="Rewrite Selection, Keep Its Structure")
    entry.wait_for()
    window.picture("context-menu")
    entry.click()
    window.wait_for_preview()
    window.press("Control+Enter")
    window.wait_for_no_preview()
    window.saved(file, lambda text: BODY in text)


def test_the_word_of_the_model_takes_the_place_of_a_copy(open_scripted: Open) -> None:
    window, file = open_scripted("late.py", BASKET + "# late\n")
    window.go_to(11, 16)
    window.type(" ")
    window.wait_for_ghost(lambda it: it == COPIED)
    window.wait_for_ghost(lambda it: it == INSERTED)
    window.press("Tab")
    window.saved(file, lambda text: f"return  {INSERTED}" in text)


def test_the_canvas_condenses_before_ones_eyes(open_scripted: Open) -> None:
    window, _ = open_scripted("basket.py", BASKET)
    window.go_to(11, 16)
    window.run("Infill: Watch the Denoising")
    view = window.page.frame_locator("iframe.webview.ready").frame_locator("iframe")
    view.get_by_text("step 3 of 7").wait_for()
    window.picture("denoising")
    view.get_by_text("step 7 of 7").wait_for()
    view.locator(".canvas").filter(has_text=INSERTED).wait_for()
    window.picture("denoised")
