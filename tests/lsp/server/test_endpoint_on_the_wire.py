"""The server with an endpoint behind it, seen by the editor over LSP and by the endpoint over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import raw_client
from raw_client import CAPABLE, REAL, RawClient

sys.path.insert(0, str(Path(__file__).parents[1] / "endpoints"))
from stub import JSON, Reply, Stub, said

KEY = "sk-Zx9Qw7Er5Ty3Ui1Op0As2Df4Gh6"
CODE = "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "FILL_KEY": KEY, "NO_PROXY": "*"}
    monkeypatch.setattr(raw_client, "ENVIRONMENT", {**raw_client.ENVIRONMENT, **environment})
    return tmp_path / "state/infill-lsp/endpoints.json"


class Editor(RawClient):
    """An editor whose user answers questions with `answer`; `questions` records the questions."""

    def __init__(self, answer: str | None = None) -> None:
        super().__init__(REAL)
        self.answer_of_user, self.questions = answer, list[str]()

    def reply_to(self, message: dict[str, Any]) -> object:
        if message["method"] == "window/showMessageRequest":
            self.questions.append(message["params"]["message"])
            return {"title": self.answer_of_user} if self.answer_of_user else None
        return super().reply_to(message)

    def begin(self, endpoint: dict[str, object], **settings: object) -> None:
        options = {"model": "endpoint", "endpoint": endpoint, "budget": {"endpoint": 20_000}, **settings}
        self.initialize(capabilities=CAPABLE, initializationOptions=options)

    def ghost(self, text: str = CODE, uri: str = "file:///w/a.py") -> list[str]:
        """Return the ghost texts after `return `."""
        self.open(text, uri)
        return [it["insertText"] for it in self.items(self.inline(uri, 1, 11))]


def shown(client: RawClient) -> str:
    """Return everything the editor has received so far, and the contents of standard error."""
    return repr(client.seen) + b"".join(client.words).decode()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub(said("a +", " b\n")) as stub:
        yield stub


def test_ghost_text_and_who_wrote_it(state: Path, stub: Stub) -> None:
    with Editor() as client:
        client.begin({"url": stub.url, "model": "tiny-coder"})
        status = client.status("ready")
        assert status["model"] == "tiny-coder"
        assert status["device"] == stub.url.removeprefix("http://")
        assert status["message"] == f"infill is ready (tiny-coder on {status['device']})."
        assert stub.asked == [], "something was sent that nobody asked for"
        assert client.ghost() == ["a + b"]
        assert client.end() == 0
    assert [it.body["prompt"] for it in stub.asked] == ["def add(a, b):\n    return "]
    assert client.questions == []
    assert not state.exists()


def test_nothing_is_sent_before_the_user_allows_it(state: Path, stub: Stub) -> None:
    host = stub.url.removeprefix("http://")
    endpoint: dict[str, object] = {"url": stub.url, "keyEnvironment": "FILL_KEY"}
    with Editor("Not now") as client:
        client.begin(endpoint)
        assert f"Nothing is sent to {host} until you allow it" in client.status("ready")["reason"]
        assert client.ghost() == []
        assert client.ghost(uri="file:///w/b.py") == []
        assert client.questions == [f"Send code around the cursor to {host}, with the key in FILL_KEY?"]
        assert client.end() == 0
    assert stub.asked == []
    assert not state.exists()
    with Editor("Allow") as client:
        client.begin(endpoint)
        status = client.status("ready")
        while status["reason"]:
            status = client.status("ready")
        assert client.ghost() == ["a + b"]
        assert client.end() == 0
        assert KEY[:8] not in shown(client)
    assert stub.asked[0].head["authorization"] == f"Bearer {KEY}"
    with Editor() as client:  # The answer is known now.
        client.begin(endpoint)
        assert client.status("ready")["reason"] == ""
        assert client.ghost() == ["a + b"]
        assert client.questions == []


def test_what_an_endpoint_does_wrong_is_in_the_status_and_the_server_goes_on(state: Path) -> None:
    refusing = Reply(('{"error": "no"}',), JSON, 401)
    with Stub(refusing, said("a + b")) as stub, Editor() as client:
        client.begin({"url": stub.url})
        client.status("ready")
        assert client.ghost() == []
        reasons = [it["params"]["reason"] for it in client.seen if it.get("method") == "infill/status"]
        assert any("rejects the key (401 Unauthorized)" in it for it in reasons)
        assert client.ghost(uri="file:///w/b.py") == ["a + b"]


def test_who_goes_on_typing_closes_the_connection(state: Path) -> None:
    with Stub(said("a", finish=None, then="wait"), said("b + a")) as stub, Editor() as client:
        client.begin({"url": stub.url})
        client.status("ready")
        uri = client.open(CODE)
        asked = client.inline(uri, 1, 11, kind=1)
        assert stub.arrived.wait(30)
        typed = [{"text": CODE.replace("return ", "return a + ")}]
        client.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": typed})
        newer = client.inline(uri, 1, 15, kind=1)
        assert stub.left.wait(30), "the endpoint still writes what nobody wants"
        assert [it["insertText"] for it in client.items(newer)] == ["b + a"]
        assert client.items(asked) == []


def test_cancelling_a_request_closes_the_connection(state: Path) -> None:
    with Stub(said("a", finish=None, then="wait")) as stub, Editor() as client:
        client.begin({"url": stub.url})
        client.status("ready")
        asked = client.inline(client.open(CODE), 1, 11, kind=1)
        assert stub.arrived.wait(30)
        client.notify("$/cancelRequest", {"id": asked})
        assert stub.left.wait(30)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("http://example.com", "only by https"), ("", "infill.endpoint.url is empty"), ("gopher://x", "not an address")],
)
def test_an_address_that_will_not_do_is_in_the_status(state: Path, url: str, sentence: str) -> None:
    with Editor() as client:
        client.begin({"url": url})
        assert sentence in client.status("degraded")["reason"]
        assert client.end() == 0


def test_a_key_in_the_settings_is_refused_and_not_repeated(state: Path, stub: Stub) -> None:
    with Editor() as client:
        client.begin({"url": stub.url, "keyEnvironment": KEY, "keyCommand": ["echo", KEY], "key": KEY, "model": KEY})
        client.status("ready")
        assert client.ghost() == ["a + b"]
        assert client.end() == 0
        told = shown(client)
    assert "infill.endpoint.keyEnvironment looks like a key" in told
    assert "A key is not a setting" in told
    assert KEY[:8] not in told
    assert KEY[:8] not in repr(stub.asked)


def test_files_on_the_deny_list_are_never_sent(state: Path, tmp_path: Path, stub: Stub) -> None:
    work = tmp_path / "work"
    work.mkdir()
    held = "def add_numbers_of_the_vault(a, b):\n    hunter2 = a + b\n    return hunter2\n"
    hidden = (".env", "secrets.toml", "excluded.py", "cfg.py", "awsconf.py")
    (tmp_path / "outside" / ".aws").mkdir(parents=True)
    (tmp_path / "outside" / ".aws" / "credentials").write_text(held)
    (work / "cfg.py").symlink_to(".env")
    (work / "awsconf.py").symlink_to("../outside/.aws/credentials")
    for name in hidden[:3]:
        (work / name).write_text(held)
    (work / "open_one.py").write_text(held.replace("hunter2", "friendly"))
    code = "def add_numbers_of_the_vault(a, b):\n    return \n"
    with Editor() as client:
        options = {"model": "endpoint", "endpoint": {"url": stub.url}, "exclude": ["excluded.py"]}
        options["budget"] = {"endpoint": 20_000}
        folder = {"uri": work.as_uri(), "name": "work"}
        client.initialize(capabilities=CAPABLE, initializationOptions=options, workspaceFolders=[folder])
        client.status("ready")
        for name in hidden:
            uri = client.open(code, (work / name).as_uri())
            assert client.items(client.inline(uri, 1, 11)) == []
        assert stub.asked == [], "the document itself was sent"
        uri = client.open(code, (work / "main.py").as_uri())
        for at in range(200):  # Until the excerpts are there; they are chosen concurrently with requests.
            text = code + "# more\n" * at
            params = {"textDocument": {"uri": uri, "version": at + 2}, "contentChanges": [{"text": text}]}
            client.notify("textDocument/didChange", params)
            client.items(client.inline(uri, 1, 11, kind=1))
            if "friendly" in repr(stub.asked):
                break
        else:
            pytest.fail("no excerpt was ever sent, so that nothing is shown by what was not")
    assert "hunter2" not in repr(stub.asked)


def test_the_command_line_sends_no_file_on_the_deny_list(state: Path, tmp_path: Path, stub: Stub) -> None:
    (tmp_path / "cfg.py").symlink_to(".env")
    for name, code, asked in (("plain.py", 0, 1), (".env", 2, 0), ("cfg.py", 2, 0)):
        if not (tmp_path / name).is_symlink():
            (tmp_path / name).write_text(CODE)
        stub.asked.clear()
        flags = ("--model", "endpoint", "--url", stub.url, "--language", "python", "--json")
        command = [sys.executable, "-m", "infill_lsp.cli", "fill", f"{tmp_path / name}:2:12", *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=raw_client.ENVIRONMENT)
        assert (done.returncode, len(stub.asked)) == (code, asked), done.stderr
    assert "may hold secrets" in done.stderr
