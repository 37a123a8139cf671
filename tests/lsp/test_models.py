"""The listing of models, and where they are looked for."""

import json
from pathlib import Path

import pytest

from infill_lsp.commands import models
from infill_lsp.settings import ServerSettings
from infill_model.backends import hub
from infill_model.backends.catalogue import ENTRIES, Entry


def test_a_downloaded_model_is_found_and_others_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "models--org--tiny" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    assert hub.snapshot(tmp_path, "org/tiny") is None
    (folder / "config.json").write_text("{}")
    assert hub.snapshot(tmp_path, "org/tiny") == folder
    assert hub.snapshot(tmp_path, "org/other") is None


def test_rows_say_size_memory_and_where(tmp_path: Path) -> None:
    entry = Entry("org/tiny", "dream", 7.6e9, "MIT", "logits", "a test")
    own, row = models.rows([entry], lambda _: tmp_path, ServerSettings())
    assert own.name == "embedded"
    assert 1e6 < own.parameters < 1e9
    assert (row.gigabytes, row.folder, row.verified) == (15.2, str(tmp_path), "logits")


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
    ],
)
def test_the_hub_s_folder_is_where_its_tools_have_it(environment: dict[str, str], place: str) -> None:
    assert hub.hub_folder(environment) == Path(place)


def test_the_listing_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert models.run(as_json=True) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [it["name"] for it in listed] == ["embedded", *(it.name for it in ENTRIES)]
    assert all(it["folder"] is None for it in listed[1:])
    assert models.run(as_json=False) == 0
    assert "embedded" in capsys.readouterr().out
