"""`infill-lsp models use`: names, folders, downloads from a local hub, and how the server uses the result."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "model/checkpoints"))
sys.path.insert(0, str(Path(__file__).parent / "server"))
from local_hub import COMMIT, LocalHub
from raw_client import ENVIRONMENT, REAL, RawClient
from tiny import checkpoint

from infill_model.catalogue.hub import is_whole, shown_name, snapshot

NAME = "someone/tiny-dream"
FAKE_ROOM = """import shutil
from types import SimpleNamespace
shutil.disk_usage = lambda _: SimpleNamespace(total=9, used=0, free=9)
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    folder = checkpoint(tmp_path / "served", "dream")
    (folder / "modeling.py").write_text("raise SystemExit('code of the checkpoint was run')")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    other = checkpoint(tmp_path / "other", "dream")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with LocalHub({NAME: folder, "someone/bert": other, "someone/gated": folder}, gated={"someone/gated"}) as serving:
        yield serving


class Home:
    """A user's folders, and the command line with them."""

    def __init__(self, place: Path, hub: LocalHub) -> None:
        self.cache, self.config = place / "hub", place / "config"
        self.environment = ENVIRONMENT | {
            "HF_ENDPOINT": hub.url,
            "HF_HUB_CACHE": str(self.cache),
            "HF_HOME": str(place / "hf"),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_CACHE_HOME": str(place / "cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
        }

    def command(self, *words: str, before: str = "") -> list[str]:
        # No file here has 32 MB, nor the 10 MB that the hub's client buffers before it writes.
        large = "import infill_lsp.models.download as it; it._SMALL = 0\n"
        large += "import huggingface_hub.constants as it; it.DOWNLOAD_CHUNK_SIZE = 1000\n"
        code = f"import sys\n{before}{large}from infill_lsp.cli.main import main\nsys.exit(main(sys.argv[1:]))"
        return [sys.executable, "-c", code, "models", *words]

    def run(
        self, *words: str, given: str = "", before: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, before=before),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=self.environment | environment,
        )

    def listed(self) -> dict[str, dict[str, object]]:
        found = json.loads(self.run("list", "--json").stdout)
        return {it["name"]: it for it in found}

    def chosen(self) -> object:
        path = self.config / "infill-lsp/config.json"
        return json.loads(path.read_text()).get("infill.model") if path.exists() else None


@pytest.fixture
def home(tmp_path: Path, hub: LocalHub) -> Home:
    return Home(tmp_path, hub)


def test_a_model_is_described_asked_for_fetched_and_used_offline(home: Home, hub: LocalHub) -> None:
    done = home.run("use", NAME, given="n\n")
    assert done.returncode == 1
    assert "licence apache-2.0" in done.stdout
    assert str(home.cache) in done.stdout
    assert "nothing was changed" in done.stdout
    assert home.chosen() is None
    assert not hub.ranges("model.safetensors")
    done = home.run("use", NAME, given="y\n")
    assert (done.returncode, home.chosen()) == (0, NAME), done.stderr
    assert "with the backend dream" in done.stdout
    fetched = {path.rpartition("/")[2] for method, path, _ in hub.asked if method == "GET" and "resolve" in path}
    assert fetched == {"config.json", "model.safetensors", "tokenizer.json"}
    folder = snapshot(home.cache, NAME)
    assert folder is not None
    assert is_whole(folder)
    assert (shown_name(folder), folder.name) == (NAME, COMMIT)
    assert home.listed()[NAME]["used"]
    before = len(hub.asked)
    assert home.run("use", NAME, HF_HUB_OFFLINE="1").returncode == 0, "it is here"
    with _server(home) as client:
        client.initialize(initializationOptions={"threads": 1})
        assert client.status("ready")["model"] == NAME
    with _server(home) as client:
        client.initialize(initializationOptions={"threads": 1, "model": None, "candidates": 2})
        assert client.status("ready")["model"] == NAME, "null is no choice of the editor's"
    with _server(home) as client:
        client.initialize(initializationOptions={"threads": 1, "model": "auto"})
        assert client.status("ready")["model"] == NAME, "nor is auto, which every editor sends that sends all settings"
    with _server(home) as client:
        client.initialize(initializationOptions={"threads": 1, "model": "embedded"})
        assert client.status("ready")["model"].startswith("infill"), "the editor wins"
    assert len(hub.asked) == before, "nothing is asked once it is here"
    assert home.run("use", "embedded").returncode == 0
    assert home.chosen() == "embedded"
    assert home.run("use", "auto").returncode == 0
    assert home.chosen() is None


def _server(home: Home) -> RawClient:
    return RawClient(REAL, environment=home.environment)


def test_a_connection_that_breaks_is_gone_on_with(home: Home, hub: LocalHub) -> None:
    hub.cut_after = 5000
    done = home.run("use", NAME, "--yes")
    assert (done.returncode, home.chosen()) == (0, NAME), done.stderr
    assert hub.ranges("model.safetensors") == ["", "bytes=5000-"]


def test_after_ctrl_c_the_same_command_goes_on_where_it_was(home: Home, hub: LocalHub) -> None:
    hub.hang_after = 5000
    running = subprocess.Popen(
        home.command("use", NAME, "--yes"),
        env=home.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509  # Shells start what runs in the background deaf to it.
    )
    assert hub.hanging.wait(60)
    (part,) = _wait_for_part(home.cache, running)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command resumes it" in said
    assert part.stat().st_size == 5000
    assert home.chosen() is None
    assert not home.listed().get(NAME)
    done = home.run("use", NAME, "--yes")
    assert (done.returncode, home.chosen()) == (0, NAME), done.stderr
    assert hub.ranges("model.safetensors") == ["", "bytes=5000-"]


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait_for_part(cache: Path, running: "subprocess.Popen[str]") -> list[Path]:
    while running.poll() is None:
        found = list(cache.glob("*/blobs/*.part"))
        if found and found[0].stat().st_size:
            return found
    raise AssertionError("it ended before anything was kept")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("someone/nobody", "the hub has no model someone/nobody"),
        ("fredzzp/open-dcoder-0.5", "did you mean fredzzp/open-dcoder-0.5B or"),
        ("dcoder", "dcoder is neither a folder nor a known model"),
        ("dream-coder-v0-instruct", "did you mean Dream-org/Dream-Coder-v0-Instruct-7B"),
        ("someone/bert", "someone/bert: no backend supports its model_type 'bert'"),
        ("someone/gated", "is gated: read and accept its licence"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(name: str, words: str, home: Home, hub: LocalHub) -> None:
    done = home.run("use", name, "--yes")
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert home.chosen() is None
    assert not hub.ranges("model.safetensors"), "that can be told before the weights"


def test_offline_nothing_is_asked(home: Home, hub: LocalHub) -> None:
    done = home.run("use", NAME, "--yes", HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    assert "HF_HUB_OFFLINE" in done.stderr
    assert hub.asked == []


def test_a_hub_that_is_not_there(home: Home) -> None:
    done = home.run("use", NAME, "--yes", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "could not be downloaded" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_disk_without_room_is_said_before(home: Home, hub: LocalHub) -> None:
    done = home.run("use", NAME, "--yes", before=FAKE_ROOM)
    assert done.returncode == 2
    assert "free in" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not hub.ranges("model.safetensors")


def test_a_disk_that_fills_up_on_the_way_is_one_sentence(home: Home, hub: LocalHub) -> None:
    """The process's file size limit stands in for a full disk."""
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
    done = home.run("use", NAME, "--yes", before=limit)
    assert done.returncode == 2
    assert "resumes the download" in done.stderr
    assert done.stderr.strip().count("infill-lsp:") == 1
    assert home.chosen() is None


def test_a_folder_is_used_as_it_is_and_one_without_a_model_is_not(home: Home, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "mine", "open-dcoder")
    done = home.run("use", str(folder))
    assert (done.returncode, home.chosen()) == (0, str(folder)), done.stderr
    assert home.listed()[str(folder)]["used"]
    shutil.rmtree(folder)
    folder.mkdir()
    done = home.run("use", str(folder))
    assert done.returncode == 2
    assert "no config.json" in done.stderr
