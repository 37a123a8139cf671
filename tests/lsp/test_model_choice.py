"""Which model `auto` selects, how `doctor` explains it, and what is worth offering."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import tiny_published

from infill_lsp.cli.main import main
from infill_lsp.models import choice, fit, measurements, offer
from infill_lsp.models.measurements import Measurement
from infill_lsp.settings import settings
from infill_lsp.settings.settings import RequestBudget, ServerSettings
from infill_model.catalogue import published
from infill_model.catalogue.published import FORMAT, ConversionRecord, Published

SETTINGS = ServerSettings(threads=2)
GB = 1_000_000_000


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Published, ...]:
    """Return two models, neither of which is downloaded."""
    gguf = tmp_path / "tiny.gguf"
    gguf.write_bytes(b"GGUF")
    rows = [
        replace(tiny_published.published(it, gguf), packed=size) for it, size in (("base", 2 * GB), ("base-0.5b", GB))
    ]
    monkeypatch.setenv("INFILL_PUBLISHED", str(tiny_published.write_table(rows, tmp_path / f"{tmp_path.name}.json")))
    monkeypatch.setenv("INFILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(fit, "device_memory", lambda _: ("cpu", 8.0 * GB))
    return published.published()


def put(model: Published, ms: float | None) -> None:
    """Install a model, with a measurement unless `ms` is None."""
    model.folder.mkdir(parents=True, exist_ok=True)
    model.converted.write_bytes(b"packed")
    record = ConversionRecord(6, hashlib.sha256(b"packed").hexdigest(), model.sha256, "", FORMAT)
    model.record.write_text(json.dumps(asdict(record)))
    if ms is not None:
        found = Measurement(ms, 900, model.packed + GB, "cpu", "auto auto 2", record.sha256)
        (model.folder / "measured.json").write_text(json.dumps(asdict(found)))


def why(settings: ServerSettings = SETTINGS) -> tuple[str, str]:
    found = choice.choose(settings)
    return found.model, found.why


def test_the_largest_that_is_here_and_answers_in_time_is_taken(table: tuple[Published, ...]) -> None:
    large, small = table
    model, words = why()
    assert model == "embedded"
    assert "base is not here (`infill-lsp models use base`)" in words
    put(small, 200)
    assert why()[0] == "base-0.5b"
    put(large, 900)
    assert why()[0] == "base-0.5b", "it takes too long"
    put(large, 500)
    assert why() == ("base", "base is the largest model that answers in time here.")
    assert why(replace(SETTINGS, budget=RequestBudget(larger=300)))[0] == "base-0.5b"
    assert why(replace(SETTINGS, model="embedded"))[0] == "embedded"
    resolved = choice.resolved(SETTINGS)
    assert (resolved.engine.model, resolved.budget_ms(invoked=False)) == ("base", 600)


def test_what_was_measured_otherwise_does_not_count(table: tuple[Published, ...]) -> None:
    _, small = table
    put(small, None)
    assert "base-0.5b was not measured on this machine (`infill-lsp doctor --probe base-0.5b`)" in why()[1]
    put(small, 200)
    assert why(replace(SETTINGS, threads=1))[0] == "embedded", "that was with two threads"
    small.record.write_text(json.dumps(asdict(ConversionRecord(6, "another", small.sha256, "", FORMAT))))
    assert measurements.measured(small, SETTINGS.engine) is None, "that was another file"


def test_a_model_that_memory_has_no_room_for_is_not_taken(
    table: tuple[Published, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = table
    put(large, 100)
    put(small, 100)
    monkeypatch.setattr(fit, "device_memory", lambda _: ("cpu", 2.9 * GB))
    assert why()[0] == "base-0.5b"
    monkeypatch.setattr(fit, "device_memory", lambda _: ("cpu", 1.0 * GB))
    assert "base needs 3.0 GB of memory, but only 1.0 GB are available" in why()[1]


def test_doctor_says_which_why_and_what_another_would_cost(
    table: tuple[Published, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    large, _ = table
    put(large, 250)
    config = tmp_path / "config/infill-lsp/config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"threads": 2}')
    assert main(["doctor", "--threads", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["server"] == "base. base is the largest model that answers in time here."
    large_cost = "Tiny-base, Apache-2.0: 2.0 GB of disk, 3.0 GB of memory, 250 ms a suggestion here"
    small_cost = "Tiny-base-0.5b, Apache-2.0: 0.00 GB to download, 1.0 GB of disk, 1.8 GB of memory, not measured here"
    assert said["larger"] == {"base": large_cost, "base-0.5b": small_cost}
    large.converted.write_bytes(b"p4cked")
    assert main(["doctor", "--threads", "1"]) == 1
    assert "The converted file of base is damaged: run `infill-lsp models use base`" in capsys.readouterr().out


def test_what_is_offered_fits_the_machine_and_no_one_who_has_decided_is_asked(
    table: tuple[Published, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = table
    with monkeypatch.context() as patch:
        patch.setattr(settings, "cores", lambda: 8)
        assert offer.offered(replace(SETTINGS, threads=8)) == large
    assert offer.offered(SETTINGS) == small, "two threads are too few for the large one"
    assert offer.offered(replace(SETTINGS, offer_models=False)) is None
    assert offer.offered(replace(SETTINGS, model="embedded")) is None
    assert offer.offered(replace(SETTINGS, model="base")) is None
    put(small, 10_000)
    assert offer.offered(SETTINGS) is None, "one is here, slow as it may be"
    small.record.unlink()
    monkeypatch.setattr(fit, "device_memory", lambda _: ("cpu", 0.5 * GB))
    assert offer.offered(SETTINGS) is None


def test_what_was_fetched_and_is_damaged_is_to_be_made_again(table: tuple[Published, ...]) -> None:
    large, _ = table
    assert offer.to_be_made_again(SETTINGS) is None
    put(large, 100)
    large.source.write_bytes(b"GGUF")
    assert offer.to_be_made_again(SETTINGS) is None
    large.converted.write_bytes(b"dam")
    assert offer.to_be_made_again(SETTINGS) == large
    assert offer.to_be_made_again(replace(SETTINGS, model="base")) == large
    assert offer.to_be_made_again(replace(SETTINGS, model="embedded")) is None
