"""The listing of models, and where they are looked for."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from infill_lsp.cli import main
from infill_lsp.commands import fitting, models, probes
from infill_lsp.settings import ServerSettings
from infill_model.backends import hub
from infill_model.backends.catalogue import ENTRIES, Entry
from infill_model.backends.sizes import Probe


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
    assert (last.name, last.used, last.whole) == (str(tmp_path), True, False)


def test_what_has_room_is_told_by_the_least_packing_it_takes() -> None:
    entries = [Entry(f"org/{it}", "dream", it * 1e9, "MIT", "no", "") for it in (0.5, 7.6, 8.0, 70.0)]
    found = fitting.fits("cuda", 12e9, entries)
    assert found.models == {"bfloat16": ("org/0.5",), "int8": ("org/7.6", "org/8.0"), "int4": ()}
    assert fitting.fits("cpu", 8e9, entries).models["int4"] == ("org/7.6", "org/8.0")
    assert found.sentence == "cuda has 12.0 GB; in bfloat16: org/0.5; in int8: org/7.6, org/8.0"
    assert "none but" in fitting.fits("cuda", 1e8, entries).sentence


def test_a_probe_of_a_device_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    if torch_has_cuda():
        pytest.skip("it is there")
    assert main(["doctor", "--probe", "0.5B", "--device", "cuda"]) == 1
    error = capsys.readouterr().err
    assert "the device 'cuda' is not there" in error
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
    assert models.run(as_json=False) == 0
    assert "ms a step, float32 on cpu" in capsys.readouterr().out
