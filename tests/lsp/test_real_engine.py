"""Command line, engine process and model together: nothing is scripted, the weights are tiny and random."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from infill_lsp.cli.main import main
from infill_lsp.engine.client import Engine
from infill_lsp.engine.process import worker_command
from infill_lsp.errors import EngineDiedError, RequestCancelledError
from infill_lsp.settings.settings import EngineSettings
from infill_model.request import Frame, Options, Request

QUICK = ("--threads", "1", "--steps", "3")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text("def add(a, b):\n    return \n\n\nprint(add(1, 2))\n")
    return path


def fill(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["fill", *map(str, arguments)])
    return (code, *capfd.readouterr())


def test_a_gap_goes_in_and_code_comes_out(file: Path, model_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = file.with_name("trace.html")
    flags = (f"{file}:2:12", "--model", model_folder, *QUICK, "--json", "--trace", page)
    code, out, err = fill(capfd, *flags)
    assert (code, err) == (0, "")
    first = json.loads(out)
    assert first["text"] == "".join(token["text"] for token in first["tokens"])
    assert 0 < first["confidence"] <= 1
    assert first["forwards"] >= first["steps"] > 0
    assert first["ms"]["total"] >= first["ms"]["denoise"] > 0
    assert "<!doctype html>" in page.read_text()
    code, out, _ = fill(capfd, *flags)
    again = json.loads(out)
    assert again | {"ms": None} == first | {"ms": None}, "the same seed and input give the same fill"


def _cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def _garble(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"garbage" * 100)


def _change_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["shape"]["width"] *= 2
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (shutil.rmtree, "no such model folder"),
        (_cut_short, "model.safetensors: the weights are damaged or incomplete"),
        (_garble, "model.safetensors: the weights are damaged or incomplete"),
        (_change_shape, "the weights do not fit config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: not valid JSON"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: cannot read the tokenizer"),
    ],
    ids=["missing", "cut short", "garbage", "other shape", "bad config", "no tokenizer"],
)
def test_weights_that_cannot_be_used(
    file: Path,
    model_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    words: str,
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model_folder, broken)
    damage(broken)
    code, out, err = fill(capfd, f"{file}:2:12", "--model", broken, "--apply")
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert "return \n" in file.read_text()


def test_a_policy_that_does_not_exist(file: Path, model_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = fill(capfd, f"{file}:2:12", "--model", model_folder, "--unmask", "magic:3")
    assert code == 2
    assert "magic" in err
    assert err.count("\n") == 1


def test_a_worker_killed_in_mid_request_is_replaced(model_folder: Path) -> None:
    request = Request("def add(a, b):\n    return ", "\n")
    settings = EngineSettings(model=str(model_folder), device="cpu", threads=1)

    async def session() -> None:
        async with Engine(worker_command(settings)) as engine:
            at_work = asyncio.Event()
            asked = asyncio.create_task(
                engine.ask(request, Options(steps=10_000), on_draft=lambda frame: at_work.set())
            )
            await asyncio.wait_for(at_work.wait(), 120)
            before = engine.pid
            assert before is not None
            os.kill(before, signal.SIGKILL)
            with pytest.raises(EngineDiedError, match="killed by SIGKILL"):
                await asked
            fills = await asyncio.wait_for(engine.ask(request, Options(steps=2)), 120)
            assert len(fills) == 1
            assert engine.pid != before

    asyncio.run(session())


def test_a_newer_request_ends_the_running_one_early(model_folder: Path) -> None:
    request = Request("def add(a, b):\n    return ", "\n")
    settings = EngineSettings(model=str(model_folder), device="cpu", threads=1)

    async def session() -> None:
        async with Engine(worker_command(settings)) as engine:
            steps: list[int] = []
            at_work = asyncio.Event()

            def on_draft(frame: Frame) -> None:
                steps.append(frame.step)
                at_work.set()

            asked = asyncio.create_task(engine.ask(request, Options(steps=10_000), stream="a.py", on_draft=on_draft))
            await asyncio.wait_for(at_work.wait(), 120)
            fills = await asyncio.wait_for(engine.ask(request, Options(steps=1), stream="a.py"), 120)
            assert len(fills) == 1
            with pytest.raises(RequestCancelledError):
                await asked
            assert len(steps) < 100, "noise goes on for more than 200 steps if it is let"

    asyncio.run(session())


def test_the_critic_is_measured_on_files_that_parse(
    tmp_path: Path, model_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, broken, plain = tmp_path / "app.py", tmp_path / "broken.py", tmp_path / "notes.txt"
    file.write_text("def add(first, second):\n    return first + second\n")
    broken.write_text("def add(first, second:\n    return first +\n")
    plain.write_text("return what was lent\n")
    flags = ["--gaps", "3", "--json", "--model", str(model_folder), "--threads", "1"]
    assert main(["bench", "critic", str(file), str(broken), str(plain), *flags]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["gaps"] == 3
    # Random text breaks the syntax, and the critic cannot help; the changed text is what it was asked for.
    assert report["broke"] <= report["still_broken"] + report["mended"]
    assert main(["bench", "critic", str(broken), *flags]) == 2
    assert "no syntax error" in capfd.readouterr().err
