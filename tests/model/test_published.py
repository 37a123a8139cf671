"""The table of published models: their locations, and when a converted file can be loaded."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from infill_model.catalogue import published
from infill_model.catalogue.published import ConversionRecord


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFILL_CACHE", str(tmp_path))
    monkeypatch.delenv("INFILL_PUBLISHED", raising=False)
    return tmp_path


def test_the_largest_comes_first_and_each_has_two_sources() -> None:
    found = published.published()
    assert [it.name for it in found] == ["base", "base-0.5b"]
    assert sorted(found, key=lambda it: -it.parameters) == list(found)
    for it in found:
        assert len(bytes.fromhex(it.sha256)) == 32
        assert it.registry.package.format(part=1) != it.registry.package.format(part=2)
        assert it.repository.startswith("Qwen/")


def test_a_converted_file_is_here_once_size_source_and_update_are_those_of_its_record(cache: Path) -> None:
    model = published.find("base-0.5b")
    assert model
    assert published.converted_file("base-0.5b") == cache / "models/base-0.5b/model.packed"
    assert published.converted_file("embedded") is None
    assert not published.is_here("base-0.5b")
    model.folder.mkdir(parents=True)
    model.converted.write_bytes(b"packed")
    assert not published.is_here("base-0.5b"), "it has no record"
    record = ConversionRecord(6, "", model.sha256, published.fingerprint(model), published.FORMAT)
    for it, here in ((record, True), (replace(record, size=5), False), (replace(record, source="0"), False),
                     (replace(record, update="older"), False), (replace(record, format=0), False)):  # fmt: skip
        model.record.write_text(json.dumps(asdict(it)))
        assert published.is_here("base-0.5b") == here
    model.record.write_text("{")
    assert not published.is_here("base-0.5b")


def test_another_table_takes_the_place_of_ours(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = published.published()[1:]
    file = cache / "table.json"
    file.write_text(json.dumps([asdict(replace(row, name="ours", repository="we/ours"))]))
    monkeypatch.setenv("INFILL_PUBLISHED", str(file))
    assert [it.repository for it in published.published()] == ["we/ours"]
    monkeypatch.setenv("INFILL_PUBLISHED", str(cache / "none.json"))
    assert published.published() == ()


def test_it_needs_no_torch() -> None:
    code = "import sys, infill_model.catalogue.published; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_update_in_the_package_is_for_the_file_of_the_table() -> None:
    small = published.find("base-0.5b")
    assert small is not None
    assert small.update is not None
    assert replace(small, sha256="0" * 64).update is None
