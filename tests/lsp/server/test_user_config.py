"""The user's own configuration: which parts the server reads, and its messages about unreadable parts."""

import json
from pathlib import Path

import pytest
from raw_client import ENVIRONMENT, FAKE, RawClient

from infill_lsp.errors import SourceError
from infill_lsp.settings import user_config


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.json"
    monkeypatch.setattr(user_config, "config_file", lambda: path)
    return path


def test_choosing_a_model_leaves_the_rest_and_can_be_taken_back(file: Path) -> None:
    file.write_text(json.dumps({"budget": {"automatic": 99}, "model": "old"}))
    assert user_config.choose("org/new") == file
    settings, complaints = user_config.load()
    assert (settings.model, settings.budget.automatic, complaints) == ("org/new", 99, ())
    assert settings.engine.model == "org/new"
    user_config.choose(None)
    assert user_config.load()[0].engine.model == "auto"
    assert user_config.load()[0].budget.automatic == 99


def test_what_cannot_be_read_is_neither_used_nor_overwritten(file: Path) -> None:
    file.write_text("{")
    settings, (complaint,) = user_config.load()
    assert settings.model == "auto"
    assert "cannot be read as JSON" in complaint
    with pytest.raises(SourceError, match="cannot be read as JSON"):
        user_config.choose("org/new")
    assert file.read_text() == "{"


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "cannot be read as JSON"), ('{"infill.device": "gpu"}', "config.json: infill.device must be one of")],
)
def test_the_editor_s_log_says_what_is_wrong_with_it_and_the_server_goes_on(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "infill-lsp").mkdir()
    (tmp_path / "infill-lsp/config.json").write_text(text)
    with RawClient(FAKE, environment=ENVIRONMENT | {"XDG_CONFIG_HOME": str(tmp_path)}) as client:
        client.initialize()
        client.until(lambda it: it.get("method") == "window/logMessage" and words in it["params"]["message"])
        client.status("ready")
        assert client.end() == 0
