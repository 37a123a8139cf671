"""The scripts of `scripts/gpu`, run as a user runs them, with a tiny model on the CPU."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from tiny_qwen2 import write_gguf

from infill_model.data.corpus import CorpusFile, read_corpus
from infill_model.packing import denoiser_weights, low_rank
from infill_model.packing.converted import convert

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "scripts/gpu"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "model"), "OMP_NUM_THREADS": "1"}


def script(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)


@pytest.fixture
def carried(tmp_path: Path) -> Path:
    """Return a folder with the four parts of a file of 250,000 bytes."""
    file = tmp_path / "model.gguf"
    file.write_bytes(bytes(it * it % 251 for it in range(250_000)))
    done = script("parts.py", "split", file, "--out", tmp_path / "carried", "--most", 0.06)
    assert done.stdout.split() == [str(tmp_path / f"carried/model.gguf.0{it}") for it in range(4)]
    return tmp_path / "carried"


def test_parts_that_arrive_one_by_one_are_joined_once_all_are_there(carried: Path, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "arriving"
    for number in range(4):
        here.mkdir()
        for name in ("model.gguf.parts.json", f"model.gguf.0{number}"):
            (here / name).write_bytes((carried / name).read_bytes())
        done = script("parts.py", "join", here, "--into", there)
        assert done.returncode == 0
        lacking = [f"model.gguf.0{it} is missing" for it in range(number + 1, 4)]
        assert done.stdout.splitlines() == (lacking or ["whole"])
        here.rename(tmp_path / f"carried{number}")
    assert [it.name for it in there.iterdir()] == ["model.gguf"]
    assert (there / "model.gguf").read_bytes() == (tmp_path / "model.gguf").read_bytes()


def test_a_damaged_part_is_named_and_not_joined(carried: Path, tmp_path: Path) -> None:
    part = carried / "model.gguf.02"
    sound = part.read_bytes()
    part.write_bytes(sound[:100] + b"x" + sound[101:])
    done = script("parts.py", "join", carried, "--into", tmp_path / "there")
    assert (done.returncode, done.stdout) == (1, "model.gguf.02 is damaged\n")
    assert not (tmp_path / "there/model.gguf").exists()
    part.write_bytes(sound)
    assert script("parts.py", "join", carried, "--into", tmp_path / "there").stdout == "whole\n"


def test_a_packed_corpus_is_a_corpus_again(corpus: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "corpus.xz", tmp_path / "unpacked"
    assert script("pack.py", "pack", corpus, "--out", file, "--most", 2).returncode == 0
    assert script("pack.py", "unpack", file, "--out", out).returncode == 0
    files = sorted(read_corpus(corpus, "train"), key=str)
    assert sorted(read_corpus(out, "train"), key=str) == files
    assert list(read_corpus(out, "heldout")) == []


def test_a_pack_keeps_to_its_size_and_leaves_tests_out_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import pack  # noqa: PLC0415  # A script, importable only from its folder.

    text = "".join(chr(97 + it * it * 7 % 23) for it in range(5000))
    files = [CorpusFile("p", f"{it % 7}/{it}.py", "python", 1.0, text[it:] + str(it)) for it in range(40)]
    tests = [replace(it, path=f"tests/{it.path}", weight=0.25) for it in files]
    order = pack.drawn([*tests, *files], 1)
    assert [it.weight for it in order] == [1.0] * 40 + [0.25] * 40
    folders = [it.path.split("/")[0] for it in order[:40]]
    assert len([a for a, b in pairwise(folders) if a != b]) == 6
    assert folders != sorted(folders)
    monkeypatch.setattr(pack, "read_corpus", lambda folder, split: noise() if split == "train" else [])
    packed = pack.pack([tmp_path], tmp_path / "out.xz", 0.5)
    assert 0.2 * pack.MIB < (tmp_path / "out.xz").stat().st_size <= 0.5 * pack.MIB
    assert packed["train"] < pack.MIB


def noise() -> Iterator[CorpusFile]:
    """Yield 1.2 MB that compress to half."""
    for number in range(120):
        yield CorpusFile("p", f"{number}.py", "python", 1.0, os.urandom(5_000).hex())


def test_a_run_that_is_killed_leaves_its_update_and_goes_on(corpus: Path, tmp_path: Path) -> None:
    gguf, out = write_gguf(tmp_path / "tiny.gguf"), tmp_path / "out"
    both = tmp_path / "both"
    both.mkdir()
    for split in ("train", "heldout"):
        (both / f"{split}.jsonl.gz").write_bytes((corpus / "train.jsonl.gz").read_bytes())
    command = [
        sys.executable, str(SCRIPTS / "tune.py"), "--run", str(tmp_path / "run"), "--out", str(out),
        "--gguf", str(gguf), "--corpus", str(both), "--device", "cpu", "--rows", "3", "--workers", "1",
        "--held-out", "4", "--rank", "4", "--save-seconds", "0.2", "--no-compile",
    ]  # fmt: skip
    running = subprocess.Popen([*command, "--minutes", "5"], env=ENVIRONMENT, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not ((out / "log.jsonl").exists() and (tmp_path / "run/state.json").exists()):
            assert time.monotonic() < until, "no update within a minute"
            assert running.poll() is None
            time.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    killed_at = json.loads((tmp_path / "run/state.json").read_text())["step"]
    assert killed_at > 0
    assert _update(out, tmp_path / "first").keys() == low_rank.load(tmp_path / "run/update").keys()
    subprocess.run([*command, "--minutes", "0.01", "--denoiser-minutes", "0.01"], env=ENVIRONMENT, check=True)
    assert json.loads((out / "log.jsonl").read_text().splitlines()[-1])["step"] > killed_at
    for name, (a, _) in _update(out, tmp_path / "second").items():
        assert torch.equal(a, low_rank.load(tmp_path / "run/update")[name][0])
    assert (tmp_path / "second/update/parent.sha256").exists()
    assert denoiser_weights.load(tmp_path / "second/update") is not None


def _update(out: Path, into: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    assert script("parts.py", "join", out, "--into", into).stdout == "whole\n"
    with tarfile.open(into / "update.tar") as tar:
        tar.extractall(into, filter="data")
    return low_rank.load(into / "update")


def test_the_measure_prints_a_table_and_writes_the_figures(tmp_path: Path) -> None:
    model = tmp_path / "tiny.safetensors"
    convert(write_gguf(tmp_path / "tiny.gguf"), None, model, "tiny")
    words = ("--device", "cpu", "--dtype", "float32", "--rows", 1, 4, "--gaps", 2, "--out", tmp_path / "out.json")
    done = script("measure.py", "--model", model, *words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith("tokens, ms | 1 rows | 4 rows |")
    assert lines[4] == "| fill, ms | gaps | first | warm | tokens | forwards |"
    figures = json.loads((tmp_path / "out.json").read_text())
    (forward,), (fill,) = figures["forwards"], figures["fills"]
    row, *cells = lines[2].removeprefix("| ").removesuffix(" |").split(" | ")
    assert (row, list(map(float, cells))) == ("tiny, float32", [round(forward["ms"][n], 2) for n in ("1", "4")])
    assert min(*forward["ms"].values(), fill["first"], fill["warm"]) > 0
    assert lines[6].startswith(f"| tiny, float32 | 2 | {fill['first']:.1f} | {fill['warm']:.1f} | ")
