"""Where code may be sent, and who allows it."""

import subprocess
import sys
from pathlib import Path

import pytest
from asking import ask
from stub import Stub, said

from infill_lsp.endpoints import consent, permissions
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.consent import ALLOW, Consent
from infill_lsp.endpoints.permissions import Permission
from infill_lsp.settings.settings import EndpointSettings, ServerSettings, read

AWAY = EndpointSettings(url="https://fill.invalid/v1")


@pytest.mark.parametrize(
    ("url", "base", "host", "loopback"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:80/", "http://localhost", "localhost", True),
        ("http://127.9.9.9", "http://127.9.9.9", "127.9.9.9", True),
        ("http://[::1]:11434", "http://[::1]:11434", "[::1]:11434", True),
        ("https://api.Example.com/v1/", "https://api.example.com", "api.example.com", False),
        ("https://example.com:8443/openai/v1", "https://example.com:8443/openai", "example.com:8443", False),
        ("https://10.0.0.1", "https://10.0.0.1", "10.0.0.1", False),
    ],
)
def test_where_an_endpoint_is(url: str, base: str, host: str, loopback: bool) -> None:
    assert permissions.destination(EndpointSettings(url=url)) == permissions.Destination(base, host, loopback)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is empty"),
        ("http://example.com", "only by https"),
        ("http://10.0.0.1:8080", "only by https"),
        ("http://127.0.0.1.example.com", "only by https"),
        ("http://localhost.example.com", "only by https"),
        ("http://2130706433", "only by https"),
        ("ftp://example.com", "is not an address"),
        ("example.com", "is not an address"),
        ("https://", "is not an address"),
        ("https://example.com:99999", "is not an address"),
        ("https://exa mple.com", "is not an address"),
        ("https://user:pass@example.com", "must not contain a user name"),
        ("http://127.0.0.1@example.com", "must not contain a user name"),
        ("https://example.com?key=abc", "must not contain a user name"),
        ("https://example.com#abc", "must not contain a user name"),
    ],
)
def test_an_address_that_will_not_do_is_a_sentence(url: str, words: str) -> None:
    with pytest.raises(EndpointError, match=words):
        ask(EndpointSettings(url=url))


def test_nothing_is_sent_before_it_is_allowed_nor_after_it_is_taken_back() -> None:
    with pytest.raises(EndpointError, match=r"Nothing is sent to fill\.invalid until you allow it"):
        ask(AWAY)
    permissions.allow(Permission("fill.invalid"))
    with pytest.raises(EndpointError, match=r"fill\.invalid cannot be reached"):  # So the request was tried.
        ask(AWAY)
    assert permissions.forget("fill.invalid") == 1
    with pytest.raises(EndpointError, match="until you allow it"):
        ask(AWAY)


def test_a_permission_is_for_one_host_and_one_key() -> None:
    permissions.allow(Permission("fill.invalid"))
    others = (
        EndpointSettings(url="https://fill.invalid:8443"),
        EndpointSettings(url="https://other.invalid"),
        EndpointSettings(url=AWAY.url, key_environment="OTHER_KEY"),
        EndpointSettings(url=AWAY.url, key_command=("cat", "/etc/passwd")),
    )
    assert all(permissions.refusal(it) for it in others)
    assert permissions.refusal(AWAY) is None


def test_this_machine_needs_no_permission_but_a_key_does(tmp_path: Path) -> None:
    trap = tmp_path / "run"
    with Stub(said("a")) as stub:
        assert ask(EndpointSettings(url=stub.url))[0].texts == ("a",)
        with pytest.raises(EndpointError, match="until you allow it"):
            ask(EndpointSettings(url=stub.url, key_command=("touch", str(trap))))
        assert len(stub.asked) == 1
    assert not trap.exists(), "a command was run that nobody has allowed"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"allowed": 1}', '{"allowed": [{"host": "fill.invalid"}]}'])
def test_a_broken_file_allows_nothing(content: str) -> None:
    permissions.store().parent.mkdir(parents=True)
    permissions.store().write_text(content)
    assert permissions.allowed() == frozenset()
    assert permissions.refusal(AWAY)


@pytest.mark.parametrize("answer", [None, "Not now", "something else"])
@pytest.mark.asyncio
async def test_no_answer_but_allow_allows(answer: str | None) -> None:
    questions: list[tuple[str, ...]] = []

    async def choice(*words: str) -> str | None:
        questions.append(words)
        return answer

    asking = Consent()
    assert not await asking.ask(AWAY, choice)
    assert not await asking.ask(AWAY, choice)
    assert questions == [("Send code around the cursor to fill.invalid?", "Allow", "Not now")], "it asks once"
    assert consent.refusal(AWAY)


@pytest.mark.asyncio
async def test_allow_is_written_down() -> None:
    keyed = EndpointSettings(url=AWAY.url, key_command=("pass", "show", "my key"))

    async def choice(question: str, *_: str) -> str | None:
        assert question == "Send code around the cursor to fill.invalid, with the key printed by `pass show 'my key'`?"
        return ALLOW

    assert await Consent().ask(keyed, choice)
    assert permissions.allowed() == {Permission("fill.invalid", "printed by `pass show 'my key'`")}
    assert consent.refusal(keyed) is None


def test_no_setting_allows_anything() -> None:
    names = ("allow", "allowed", "confirmed", "hosts", "consent")
    raw = {"endpoint": {**{name: ["fill.invalid"] for name in names}, "url": AWAY.url}, "model": "endpoint"}
    settings, complaints = read(raw, ServerSettings(), ServerSettings())
    assert len(complaints) == len(names)
    assert settings.engine.endpoint is not None
    assert consent.refusal(settings.engine.endpoint)


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infill_lsp.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_allows_forgets_and_lists() -> None:
    with_key = EndpointSettings(url=AWAY.url, key_environment="FILL_KEY")
    advice = permissions.command(with_key)
    assert advice == "infill-lsp endpoint allow fill.invalid --key-environment FILL_KEY"
    assert advice in (permissions.refusal(with_key) or "")
    assert cli(*advice.split()[1:]).returncode == 0
    assert permissions.refusal(with_key) is None
    assert cli("endpoint", "list").stdout == "code to fill.invalid, with the key in FILL_KEY\n"
    assert cli("endpoint", "forget", "fill.invalid").returncode == 0
    assert permissions.allowed() == frozenset()
    assert cli("endpoint", "forget", "fill.invalid").returncode == 1
    assert cli("endpoint", "allow").returncode == 2
    assert cli("endpoint", "allow", "https://fill.invalid/v1").returncode == 2


@pytest.mark.parametrize("flag", ["--key-environment", "--key-command"])
def test_the_command_line_takes_no_key(flag: str) -> None:
    key = "sk-Zx9Qw7Er5Ty3Ui1Op0As2Df4Gh6"
    done = cli("endpoint", "allow", "fill.invalid", flag, key)
    assert done.returncode == 2
    assert "A key is" in done.stderr or "looks like a key" in done.stderr
    assert key[:8] not in done.stdout + done.stderr
    assert permissions.allowed() == frozenset()
