"""A larger model is offered once, in words; "Download" fetches it, shows how far it is, and goes over to it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from raw_client import CAPABLE, REAL, ROOT, RawClient

sys.path.insert(0, str(ROOT / "tests/lsp"))
from published_home import NAME, Home

SETTINGS: dict[str, Any] = {"threads": 1, "confidence": 0, "budget": {"automatic": 5000, "larger": 5000}}


class Editor(RawClient):
    """An editor whose user answers questions with `answer`; what they were asked is in `questions`."""

    def __init__(self, home: Home, answer: str | None = None) -> None:
        super().__init__(REAL, environment=home.environment)
        self.answer_of_user, self.questions = answer, list[dict[str, Any]]()

    def reply_to(self, message: dict[str, Any]) -> object:
        if message["method"] == "window/showMessageRequest":
            self.questions.append(message["params"])
            return {"title": self.answer_of_user} if self.answer_of_user else None
        return super().reply_to(message)

    def begin(self, **settings: object) -> None:
        self.initialize(capabilities=CAPABLE, initializationOptions=SETTINGS | settings)
        self.status("ready")

    def shown(self) -> str:
        message = self.until(lambda it: it.get("method") == "window/showMessage")
        return str(message["params"]["message"])

    def question(self) -> dict[str, Any]:
        self.until(lambda it: it.get("method") == "window/showMessageRequest")
        return self.questions[0]

    def nothing_more(self) -> None:
        """What is done before the answer to this has been done."""
        self.open("x = 1\n", "file:///last.py")
        self.items(self.inline("file:///last.py", 0, 5))
        assert self.end() == 0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_download_fetches_the_model_and_goes_over_to_it(home: Home) -> None:
    with Editor(home, "Download") as client:
        client.begin()
        asked = client.question()
        assert [it["title"] for it in asked["actions"]] == ["Download", "Not now", "Never"]
        assert "Tiny-base-0.5b (Apache-2.0)" in asked["message"]
        assert client.shown().startswith(f"{NAME} is here: a suggestion while you type takes")
        assert client.status("ready")["model"] == "scripted"
        client.open("# fill larger\nx = \n")
        assert client.items(client.inline("file:///a.py", 1, 4))[0]["insertText"] == "larger"
        reports = [it["params"]["value"] for it in client.seen if it.get("method") == "$/progress"]
        stages = list(
            dict.fromkeys(it["message"] for it in reports if it.get("percentage") is not None and "message" in it)
        )
        assert stages == ["Downloading", "Joining", "Converting"]
        assert len(client.questions) == 1
        assert client.end() == 0
    assert home.configured() is None, "the choice is left to auto"
    with Editor(home) as client:
        client.initialize(capabilities=CAPABLE, initializationOptions=SETTINGS)
        assert client.status("ready")["model"] == "scripted"
        client.nothing_more()
        assert client.questions == []


def test_never_is_kept_and_not_now_holds_for_a_while(home: Home) -> None:
    with Editor(home, "Not now") as client:
        client.begin()
        client.question()
        client.notify("workspace/didChangeConfiguration", {"settings": {"infill": SETTINGS | {"candidates": 2}}})
        client.nothing_more()
        assert len(client.questions) == 1, "not twice in a session"
    with Editor(home, "Never") as client:
        client.begin()
        client.nothing_more()
        assert client.questions == []
    (home.place / "cache/not-now").unlink()
    with Editor(home, "Never") as client:
        client.begin()
        client.question()
        client.nothing_more()
    assert home.configured("infill.offerModels") is False
    with Editor(home, "Download") as client:
        client.begin(offerModels=None)
        client.nothing_more()
        assert client.questions == []


@pytest.mark.parametrize("settings", [{"model": "embedded"}, {"offerModels": False}])
def test_nothing_is_offered_where_the_user_has_decided(settings: dict[str, object], home: Home) -> None:
    with Editor(home, "Download") as client:
        client.begin(**settings)
        client.nothing_more()
        assert client.questions == []


def test_a_download_that_fails_is_one_sentence_and_the_embedded_model_goes_on(home: Home) -> None:
    next(home.index.glob("*part2*")).unlink()
    with Editor(home, "Download") as client:
        client.begin()
        client.question()
        said = client.shown()
        assert "has no tiny-base-0-5b-part2==0.1.0" in said
        assert said.endswith("The built-in model goes on answering.")
        client.nothing_more()
    assert not home.converted.exists()
    assert list((home.folder / "parts").glob("*part1*.whl")), "what came is kept"


def test_a_damaged_file_is_made_again_without_a_question(home: Home) -> None:
    assert home.run("models", "use", NAME, "--yes", "--auto").returncode == 0
    home.converted.write_bytes(b"damaged")
    with Editor(home) as client:
        client.begin()
        assert client.until(lambda it: "scripted" in str(it.get("params")) and it["method"] == "infill/status")
        client.nothing_more()
        assert client.questions == []
    assert home.converted.read_bytes() == home.gguf.read_bytes()
