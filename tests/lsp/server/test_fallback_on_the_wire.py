"""A model that cannot load, dies or lacks memory: one message, then the embedded model answers. Over the wire."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_client import REAL, ROOT, RawClient

sys.path.insert(0, str(ROOT / "tests/model/checkpoints"))
from tiny import checkpoint

BESIDE = (sys.executable, str(ROOT / "tests/lsp/server/serve_beside_embedded.py"), "--stdio")
SETTINGS: dict[str, Any] = {"confidence": 0, "threads": 1, "budget": {"automatic": 5000, "invoked": 20_000}}
CODE = "def area(width, height):\n    return width * height\n\n\nprint(area(1, 2))\nprint(area(3,\n"
PLACE = (5, 13)


def edit_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a wrong path": (empty, "no config.json found"),
    "a wrong architecture": (lambda it: edit_config(it, model_type="bert"), "its model_type 'bert'"),
    "a truncated file": (cut_short, "the file is incomplete"),
    "half a download": (lambda it: (it / "model.safetensors").unlink(), "contains no weights"),
}


@contextmanager
def serving(command: tuple[str, ...], model: str, **others: object) -> Iterator[RawClient]:
    with RawClient(command) as client:
        client.initialize(initializationOptions=SETTINGS | {"model": model, **others})
        yield client
        assert client.end() == 0


def written(client: RawClient, code: str, uri: str) -> list[str]:
    client.open(code, uri)
    *_, last = code.split("\n")[:-1]
    found = client.items(client.inline(uri, code.count("\n") - 1, len(last), kind=1))
    return [it["insertText"] for it in found]


def states(client: RawClient) -> list[dict[str, Any]]:
    return [it["params"] for it in client.seen if it.get("method") == "infill/status"]


@pytest.mark.parametrize("what", BROKEN)
def test_a_model_that_cannot_be_loaded_is_said_once_and_the_embedded_one_answers(what: str, tmp_path: Path) -> None:
    damage, words = BROKEN[what]
    folder = checkpoint(tmp_path / "model", "dream")
    damage(folder)
    with serving(REAL, str(folder)) as client:
        status = client.status("degraded")
        assert words in status["reason"]
        assert status["reason"].endswith("The embedded model answers instead.")
        assert status["reason"].count("\n") == 0
        assert status["model"].startswith("infill")
        assert written(client, CODE, "file:///a.py")
        assert written(client, CODE, "file:///b.py")
        logged = [it for it in client.seen if it.get("method") == "window/logMessage" and words in str(it["params"])]
        assert len(logged) <= 1, "no nagging"
        assert {it["state"] for it in states(client)} <= {"starting", "degraded"}


@pytest.mark.parametrize(
    ("what", "words"), [("nothing", "no such model folder"), ("a denoiser", "it is not a causal model")]
)
def test_a_wrong_model_to_verify_leaves_the_embedded_one_alone(what: str, words: str, tmp_path: Path) -> None:
    if what == "a denoiser":
        checkpoint(tmp_path / "model", "dream")
    with serving(REAL, "embedded", verify={"model": str(tmp_path / "model")}) as client:
        status = client.status("degraded")
        assert words in status["reason"]
        assert status["reason"].endswith("The embedded model answers instead.")
        assert status["reason"].count("\n") == 0
        assert status["model"].startswith("infill")
        assert "checked by" not in status["model"]
        assert written(client, CODE, "file:///a.py")


def test_a_gpu_that_runs_out_of_memory_in_the_middle_of_a_request_is_said_and_the_embedded_model_answers_it(
    tmp_path: Path,
) -> None:
    folder = checkpoint(tmp_path / "model", "dream")
    with serving(BESIDE, str(folder)) as client:
        assert client.status("ready")["model"] == "model"
        assert written(client, CODE, "file:///a.py"), "by the embedded model, within the budget"
        status = client.status("degraded")
        words = "The model ran out of memory (CUDA out of memory). The embedded model answers instead."
        assert (status["reason"], status["model"][:6]) == (words, "infill")
        assert written(client, CODE, "file:///b.py")


def test_a_request_that_lacks_memory_is_answered_by_the_embedded_model_and_so_are_the_next() -> None:
    with serving(BESIDE, "scripted") as client:
        assert client.status("ready")["model"] == "scripted"
        assert written(client, f"# memory\n{CODE}", "file:///a.py"), "by the embedded model, within the budget"
        status = client.status("degraded")
        assert status["reason"] == "The model ran out of memory (MemoryError). The embedded model answers instead."
        assert status["model"].startswith("infill")
        assert written(client, f"# fill scripted\n{CODE}", "file:///b.py") != ["scripted"]


def test_an_engine_that_was_killed_comes_back_with_its_model_and_gives_way_after_the_second_time() -> None:
    with serving(BESIDE, "scripted") as client:
        client.status("ready")
        assert written(client, "# fill scripted\nx = \n", "file:///a.py")[0] == "scripted"
        (worker,) = psutil.Process(client.process.pid).children()
        os.kill(worker.pid, signal.SIGKILL)
        assert "killed by SIGKILL" in client.status("degraded")["reason"]
        assert client.status("ready")["model"] == "scripted", "it is tried first"
        client.seen.clear()
        for name in ("b", "c"):
            found = written(client, f"# die\n{CODE}", f"file:///{name}.py")
        assert found, "what was asked when it was given up is answered by the embedded model"
        last = client.until(lambda it: "instead" in str(it.get("params")) and it["method"] == "infill/status")["params"]
        assert "2 times in a row" in last["reason"] or "3 times in a row" in last["reason"]
        assert last["model"].startswith("infill")


def test_settings_that_change_try_the_chosen_model_again(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model", "dream")
    away = folder.rename(tmp_path / "away")
    with serving(REAL, str(folder)) as client:
        assert "no such model folder" in client.status("degraded")["reason"]
        away.rename(folder)
        changed = {"infill": SETTINGS | {"model": str(folder), "candidates": 2}}
        client.notify("workspace/didChangeConfiguration", {"settings": changed})
        assert client.status("ready")["model"] == "model"
