"""Keys read from the environment or from a command."""

import asyncio
import sys

import pytest

from infill_lsp.endpoints import api_key
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.api_key import read_key
from infill_lsp.settings.settings import EndpointSettings


def read(settings: EndpointSettings) -> str | None:
    return asyncio.run(read_key(settings))


def prints(code: str) -> EndpointSettings:
    return EndpointSettings(key_command=(sys.executable, "-c", code))


def test_there_need_be_none() -> None:
    assert read(EndpointSettings()) is None


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILL_KEY", " secret1 \n")
    assert read(EndpointSettings(key_environment="FILL_KEY")) == "secret1"
    monkeypatch.delenv("FILL_KEY")
    with pytest.raises(EndpointError, match=r"variable FILL_KEY of infill\.endpoint\.keyEnvironment is not set"):
        read(EndpointSettings(key_environment="FILL_KEY"))


def test_from_a_command() -> None:
    assert read(prints("print('secret2')")) == "secret2"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('secret3')", "failed with status 1"),
        ("print('')", "gives no valid key"),
        ("print('secret3 secret4')", "gives no valid key"),
        ("import sys; sys.stdout.buffer.write(b'secret3\\xff')", "gives no valid key"),
    ],
)
def test_what_a_command_prints_is_not_repeated(code: str, words: str) -> None:
    with pytest.raises(EndpointError, match=words) as error:
        read(prints(code))
    assert "secret3" not in f"{error.value!r} {error.value.__cause__!r} {error.value.__context__!r}"


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(EndpointError, match=r"`no-such-command` of infill\.endpoint\.keyCommand cannot be run"):
        read(EndpointSettings(key_command=("no-such-command",)))


def test_a_command_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_key, "PATIENCE", 0.2)
    with pytest.raises(EndpointError, match="took more than"):
        read(prints("import threading; threading.Event().wait()"))


def test_a_command_ends_with_who_asked() -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(read_key(prints("import threading; threading.Event().wait()")))
        await asyncio.wait({task}, timeout=0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
