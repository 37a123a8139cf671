"""A larger model is offered once, in a message; "Download" fetches it, shows progress, and switches to it."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_client import CAPABLE, REAL, ROOT, RawClient
from test_sockets import Tcp, messages, port_of, serving

sys.path.insert(0, str(ROOT / "tests/lsp"))
import tiny_published
from local_hub import LocalHub
from published_home import NAME, Home
from tiny_qwen2 import write_gguf

SETTINGS: dict[str, Any] = {"confidence": 0, "budget": {"automatic": 5000, "larger": 5000}}


class Editor(RawClient):
    """An editor whose user answers questions with `answer`; `questions` records the questions."""

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

    def seen_progress(self, title: str) -> object:
        """Return the token of the progress that began under this title."""
        begun = (it["params"] for it in self.seen if it.get("method") == "$/progress")
        return next(it["token"] for it in begun if it["value"].get("title") == title)

    def nothing_more(self) -> None:
        """Wait for the answer to a request, by which time all earlier work is done."""
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
        assert client.status("ready")["model"] == NAME
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
        assert client.status("ready")["model"] == NAME
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
        assert said.endswith("The built-in model stays in use.")
        client.nothing_more()
    assert not home.converted.exists()
    assert list((home.folder / "parts").glob("*part1*.whl")), "the received data is kept"


def test_over_a_socket_nothing_is_offered_for_a_program_may_answer(home: Home) -> None:
    async def asked(port: int) -> list[str]:
        client = Tcp(*await asyncio.open_connection("127.0.0.1", port))
        methods, (*before, ask) = [], messages("# fill one\nx = ")
        for message in before:
            await client.send(message)
        while (message := await client.receive()).get("params", {}).get("state") != "ready":
            methods.append(str(message.get("method")))
        for number in range(10, 30):  # A question would have come by then.
            await client.send(ask | {"id": number})
            while (message := await client.receive()).get("id") != number or "method" in message:
                methods.append(str(message.get("method")))
        return methods

    with serving("--tcp", ":0", "--no-token", **home.environment) as (_, words):
        methods = asyncio.run(asked(port_of(words)))
    assert "infill/status" in methods
    assert "window/showMessageRequest" not in methods


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    """Yield a hub that stalls in the middle of the model."""
    folder = tmp_path / "served"
    folder.mkdir()
    write_gguf(folder / tiny_published.FILE)
    with LocalHub({tiny_published.REPOSITORY: folder}, hang_after=5000, large=".gguf") as serving:
        yield serving


@pytest.mark.parametrize("how", ["the user stops it", "the editor ends", "the server is killed"])
def test_a_download_that_is_stopped_leaves_no_process_and_keeps_what_came(
    how: str, tmp_path: Path, hub: LocalHub
) -> None:
    home = Home(tmp_path, hub.url)
    with Editor(home, "Download") as client:
        client.begin()
        client.until(lambda it: it.get("method") == "$/progress" and it["params"]["value"].get("kind") == "report")
        assert hub.hanging.wait(60)
        part = home.folder / "source.gguf.part"
        while not (part.exists() and part.stat().st_size == 5000):
            assert client.process.poll() is None
        (child,) = [it for it in psutil.Process(client.process.pid).children() if "models" in it.cmdline()]
        match how:
            case "the user stops it":
                begun = client.seen_progress(f"Fetching {NAME}")
                client.notify("window/workDoneProgress/cancel", {"token": begun})
                assert client.shown().startswith("Stopped; the partial download is kept")
                assert client.end() == 0
            case "the editor ends":
                assert client.end() == 0
            case "the server is killed":
                client.process.kill()
        child.wait(20)
    assert part.stat().st_size == 5000
    assert not home.source.exists()


def test_a_damaged_file_is_made_again_without_a_question(home: Home) -> None:
    assert home.run("models", "use", NAME, "--yes", "--auto").returncode == 0
    good = home.converted.read_bytes()
    home.converted.write_bytes(b"damaged")
    with Editor(home) as client:
        client.begin()
        assert client.until(lambda it: f"({NAME} on" in str(it.get("params")) and it["method"] == "infill/status")
        client.nothing_more()
        assert client.questions == []
    assert home.converted.stat().st_size == len(good)
