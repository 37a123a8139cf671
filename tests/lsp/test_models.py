"""The list of models, and where models are searched for."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from infill_lsp.cli import models
from infill_lsp.cli.main import main
from infill_lsp.endpoints import permissions
from infill_lsp.models import fit, probes
from infill_lsp.settings import user_config
from infill_lsp.settings.settings import EndpointSettings, ServerSettings
from infill_model.catalogue import hub
from infill_model.catalogue.catalogue import ENTRIES, Entry
from infill_model.catalogue.sizes import Probe


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
    assert models.show(as_json=True) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [it["name"] for it in listed] == ["embedded", *(it.name for it in ENTRIES)]
    assert all(it["folder"] is None for it in listed[1:])
    assert models.show(as_json=False) == 0
    assert "embedded" in capsys.readouterr().out


def probe(size: str) -> Probe:
    return Probe(
        size, "cpu", "float32", False, False, 900.0, {"32": 15.4, "64": 30.0}, {"32": 950.0, "64": 970.0}, 6.0, 0.2
    )


def test_what_was_measured_is_kept_and_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probes, "cache_folder", lambda: tmp_path / "new")
    assert probes.stored() == ()
    probes.keep([probe("7B"), probe("0.5B")])
    newer = replace(probe("7B"), step_ms={"32": 12.0, "64": 13.0})
    file = probes.keep([newer])
    assert sorted(probes.stored(), key=lambda it: it.size) == [probe("0.5B"), newer]
    both_ways, blocks = (Entry("org/it", family, 7.6e9, "MIT", "no", "a test") for family in ("dream", "fast-dllm-v2"))
    _, slow, quick = models.rows([both_ways, blocks], lambda _: None, ServerSettings(), probes.stored())
    assert slow.speed == "950 ms a step, float32 on cpu", "all of it is run in each step"
    assert quick.speed == "12 ms a step, float32 on cpu"
    (*_, other) = models.rows([replace(blocks, parameters=3e9)], lambda _: None, ServerSettings(), probes.stored())
    assert other.speed == models.NOT_MEASURED
    file.write_text('[{"size": "of another version"}]')
    assert probes.stored() == ()


def test_memory_is_that_of_the_dtype_that_is_set() -> None:
    entry = Entry("org/it", "dream", 7.6e9, "MIT", "no", "a test")
    sizes = [models.rows([entry], lambda _: None, ServerSettings(dtype=it))[1].gigabytes for it in ("float32", "int4")]
    assert sizes[0] == 30.4
    assert 5 < sizes[1] < 6.5


def test_a_model_in_use_that_is_in_no_catalogue_is_listed(tmp_path: Path) -> None:
    *_, last = models.rows([], lambda _: None, ServerSettings(model=str(tmp_path)))
    assert (last.name, last.used, last.usable) == (str(tmp_path), True, False)


@pytest.fixture
def consent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the user's consents out of the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def with_endpoint(chosen: str | None = None, /, **endpoint: str) -> ServerSettings:
    return ServerSettings(model=chosen, endpoint=EndpointSettings(**endpoint))  # type: ignore[arg-type]


@pytest.mark.usefixtures("consent")
def test_an_endpoint_is_listed_with_its_api_its_host_and_whether_it_may_be_asked() -> None:
    assert len(models.rows([], lambda _: None, ServerSettings())) == 1, "nobody has configured one"
    hosted = with_endpoint(url="https://api.example.com", api="mercury", model="mercury-edit-2")
    _, row = models.rows([], lambda _: None, hosted)
    assert (row.name, row.family, row.folder, row.usable, row.used) == ("endpoint", "mercury", "endpoint", False, False)
    assert row.about.startswith("mercury-edit-2 at api.example.com: Nothing is sent to api.example.com until you")
    assert "infill-lsp endpoint allow api.example.com" in row.about
    permissions.allow(permissions.Permission("api.example.com"))
    _, row = models.rows([], lambda _: None, hosted)
    assert (row.usable, row.about) == (True, "mercury-edit-2 at api.example.com: allowed")
    _, row = models.rows([], lambda _: None, with_endpoint("endpoint", url="http://127.0.0.1:8080", api="llama.cpp"))
    assert (row.used, row.usable, row.about.partition(",")[0]) == (True, True, "127.0.0.1:8080: needs no permission")
    _, row = models.rows([], lambda _: None, with_endpoint("endpoint", url="http://example.com"))
    assert (row.used, row.usable) == (True, False)
    assert "Code is sent to example.com only by https" in row.about
    _, row = models.rows([], lambda _: None, with_endpoint("endpoint"))
    assert "infill.endpoint.url is empty" in row.about


@pytest.mark.usefixtures("consent")
def test_the_listing_says_of_an_endpoint_what_is_to_be_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    settings = with_endpoint("endpoint", url="https://api.example.com", api="mercury")
    monkeypatch.setattr(user_config, "load", lambda: (settings, ()))
    assert models.show(as_json=False) == 0
    (row, *_) = [it for it in capsys.readouterr().out.splitlines() if it.startswith("endpoint")]
    assert row.split()[:4] == ["endpoint", "mercury", "-", "-"]
    assert row.endswith("in use, not allowed")
    permissions.allow(permissions.Permission("api.example.com"))
    assert models.show(as_json=False) == 0
    row, said = [it for it in capsys.readouterr().out.splitlines() if it.startswith("endpoint")]
    assert row.endswith("in use")
    assert said == "endpoint: api.example.com: allowed."


@pytest.mark.usefixtures("consent")
def test_the_endpoint_of_the_configuration_can_be_chosen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    monkeypatch.setattr(user_config, "config_file", lambda: file)
    assert main(["models", "use", "endpoint"]) != 0
    assert "infill.endpoint.url is empty" in capsys.readouterr().err
    assert not file.exists()
    file.write_text(json.dumps({"endpoint": {"url": "https://api.example.com"}}))
    assert main(["models", "use", "endpoint"]) == 0
    said = capsys.readouterr().out
    assert "The server asks api.example.com" in said
    assert "infill-lsp endpoint allow api.example.com" in said
    assert user_config.load()[0].engine.model == "endpoint"


def test_what_has_room_is_told_by_the_least_packing_it_takes() -> None:
    entries = [Entry(f"org/{it}", "dream", it * 1e9, "MIT", "no", "") for it in (0.5, 7.6, 8.0, 70.0)]
    found = fit.fits("cuda", 12e9, entries)
    assert found.models == {"bfloat16": ("org/0.5",), "int8": ("org/7.6", "org/8.0"), "int4": ()}
    assert fit.fits("cpu", 8e9, entries).models["int4"] == ("org/7.6", "org/8.0")
    assert found.sentence == "cuda has 12.0 GB; in bfloat16: org/0.5; in int8: org/7.6, org/8.0"
    assert "none but" in fit.fits("cuda", 1e8, entries).sentence


def test_a_probe_of_a_device_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    if torch_has_cuda():
        pytest.skip("it is there")
    assert main(["doctor", "--probe", "0.5B", "--device", "cuda"]) == 1
    error = capsys.readouterr().err
    assert "the device 'cuda' is not available" in error
    assert error.count("\n") == 1


def torch_has_cuda() -> bool:
    return bool(importlib.import_module("torch").cuda.is_available())


@pytest.mark.slow
def test_the_smallest_size_is_probed_shown_and_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probes, "cache_folder", lambda: tmp_path)
    assert main(["doctor", "--probe", "--device", "cpu", "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert "0.5B in float32 on cpu" in said
    assert "one layer, multiplied" in said
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert models.show(as_json=False) == 0
    assert "ms a step, float32 on cpu" in capsys.readouterr().out
