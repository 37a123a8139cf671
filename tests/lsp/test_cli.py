"""The command line with a scripted model behind it, in a real engine process."""

import ctypes
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pace import slowness

sys.path.insert(0, str(Path(__file__).parent))
import fake_engine

from infill_lsp.cli.main import main

FOLDER = Path(__file__).parent


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `infill-lsp` in this process; `flags` go to the scripted engine."""

    def call(*arguments: object, stdin: bytes = b"", flags: tuple[str, ...] = ()) -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = main([str(it) for it in arguments], engine=lambda settings: fake_engine.command(*flags))
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ended(code, *capfd.readouterr())

    return call


def start(*arguments: object, **popen: object) -> "subprocess.Popen[str]":
    """Run `infill-lsp` as a program, with the scripted engine."""
    command = [sys.executable, str(FOLDER / "cli_with_fake_engine.py"), *map(str, arguments)]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, **popen)  # type: ignore[call-overload,no-any-return]


def finish(process: "subprocess.Popen[str]") -> Ended:
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text("# fill 1 + 2\n\ndef f():\n    return \n\nprint(f())\n")
    return path


def test_a_fill_is_shown_as_a_diff(run: Run, file: Path) -> None:
    ended = run("fill", f"{file}:4:12")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"{file}:4:12\n"
        "  2  \n"
        "  3  def f():\n"
        "- 4      return \n"
        "+ 4      return 1 + 2\n"
        "  5  \n"
        "  6  print(f())\n"
        "  2 tokens · confidence 0.60 · 4 ms (encode 2, denoise 3) · 2 forwards in 2 steps · complete · parses\n"
    )
    assert file.read_text() == "# fill 1 + 2\n\ndef f():\n    return \n\nprint(f())\n", "only --apply writes"


def test_several_fills_are_numbered(run: Run, file: Path) -> None:
    out = run("fill", f"{file}:4:12", "--n", 2).out
    assert f"{file}:4:12  fill 1 of 2" in out
    assert f"{file}:4:12  fill 2 of 2" in out
    assert "+ 4      return 1 + 21" in out


def test_json_has_every_field(run: Run, file: Path) -> None:
    ended = run("fill", f"{file}:4:5", "--to", "4:12", "--json", "--n", 2)
    assert (ended.code, ended.err) == (0, "")
    fill = json.loads(ended.out)
    assert fill["text"] == "1 + 2"
    assert fill["texts"] == ["1 + 2"]
    assert fill["range"] == {"start": {"line": 4, "column": 5}, "end": {"line": 4, "column": 12}}
    assert fill["ranges"] == [fill["range"]]
    assert fill["confidence"] == 0.6
    assert fill["score"] is None
    assert fill["tokens"] == [
        {"text": "1 ", "confidence": 0.9, "step": 1, "pinned": False},
        {"text": "+ 2", "confidence": 0.4, "step": 2, "pinned": False},
    ]
    assert (fill["steps"], fill["forwards"], fill["stopped"], fill["parses"]) == (2, 2, "complete", True)
    assert fill["ms"].items() >= {"encode": 1.5, "denoise": 2.75, "total": 4.5}.items()
    assert fill["ms"].keys() == {"encode", "denoise", "total", "verify", "critic", "queue"}
    (other,) = fill["alternatives"]
    assert other["text"] == "1 + 21"
    assert other.keys() == fill.keys() - {"alternatives"}


def test_help_describes_every_field_of_the_json(run: Run, file: Path) -> None:
    fields = json.loads(run("fill", f"{file}:4:12", "--json").out)
    described = {line.split()[0] for line in run("fill", "--help").out.splitlines() if line.startswith("  ")}
    assert fields.keys() <= described


def test_gaps_of_standard_input(run: Run) -> None:
    ended = run("fill", "-", "--json", stdin=b"# fill ab\nf(<gap>, \xc3\xa9)\ng(<gap>)\n")
    assert (ended.code, ended.err) == (0, "")
    fill = json.loads(ended.out)
    assert fill["texts"] == ["ab", "ab"]
    assert fill["text"] == "ab, é)\ng(ab"
    assert fill["ranges"] == [
        {"start": {"line": 2, "column": 3}, "end": {"line": 2, "column": 3}},
        {"start": {"line": 3, "column": 3}, "end": {"line": 3, "column": 3}},
    ]
    assert fill["range"] == {"start": {"line": 2, "column": 3}, "end": {"line": 3, "column": 3}}
    assert [token["pinned"] for token in fill["tokens"]] == [False, False, True, False]


def test_a_fill_that_breaks_the_file_is_said_to(run: Run, file: Path) -> None:
    file.write_text("# fill 1 +* 2\nx = \n")
    assert json.loads(run("fill", f"{file}:2:5", "--json").out)["parses"] is False
    assert "does not parse" in run("fill", f"{file}:2:5").out


def test_apply_writes_the_fill_and_nothing_else(run: Run, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf# fill a\\nb\r\n\tx = \xc3\xa9\r\ny\n")
    ended = run("fill", f"{file}:2:6", "--to", "2:7", "--apply")
    assert (ended.code, ended.err) == (0, "")
    assert file.read_bytes() == b"\xef\xbb\xbf# fill a\\nb\r\n\tx = a\r\nb\r\ny\n"
    assert [path.name for path in file.parent.iterdir()] == ["app.py"]


def test_apply_refuses_a_file_that_changed_meanwhile(run: Run, file: Path) -> None:
    file.write_text(f"# edit {file}\nx = \n")
    ended = run("fill", f"{file}:2:5", "--apply")
    assert ended.code == 2
    assert ended.err == f"infill-lsp: {file}: was changed by someone else in the meantime; nothing was written\n"
    assert file.read_text() == f"# edit {file}\nx = \n# edited meanwhile\n"


def test_a_full_disk_loses_nothing(file: Path) -> None:
    before = "# fill 1\nx = \n" + "# much to lose\n" * 100
    file.write_text(before)
    small = (1000, 1000)  # maximum bytes of a file, as on a disk that is full beyond them
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, small)  # noqa: E731
    ended = finish(start("fill", f"{file}:2:5", "--apply", preexec_fn=limit))
    assert ended.code == 2
    assert ended.err == f"infill-lsp: {file}: cannot be written (file too large); it is unchanged\n"
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == ["app.py"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of another kind")
def test_permissions_are_respected(file: Path, tmp_path: Path) -> None:
    page = tmp_path / "sealed" / "trace.html"
    page.parent.mkdir(mode=0o555)
    file.chmod(0o444)
    place = f"{file}:4:12"
    for arguments, named in (((place, "--apply"), file), ((place, "--trace", page), page)):
        ended = finish(start("fill", *arguments, preexec_fn=_obey_permissions))
        assert ended.code == 2
        assert ended.err == f"infill-lsp: {named}: no permission to write it\n"
    file.chmod(0o000)
    ended = finish(start("fill", place, preexec_fn=_obey_permissions))
    assert ended.code == 2
    assert ended.err == f"infill-lsp: {file}: cannot be read (permission denied)\n"


def _obey_permissions() -> None:
    """Drop root's right to read and write any file, if the tests run as root."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_a_trace_is_written(run: Run, file: Path, tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    ended = run("fill", f"{file}:4:12", "--trace", page)
    assert (ended.code, ended.err) == (0, "")
    assert "<!doctype html>" in page.read_text()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("none.py", None, "there is no such file"),
        ("image.py", b"\x89PNG\r\n\x1a\n\0\0", "is binary (byte 8 is NUL); only text can be filled"),
        ("latin.py", b"# caf\xe9\n", "is not UTF-8 (byte 5 is 0xe9); convert it first"),
        ("big.py", b"#" * 5_000_001, "is larger than 5 MB, too large for handwritten code"),
        ("short.py", b"x = 1", "line 4 does not exist; the document has 1 line"),
        ("narrow.py", b"\n\n\nx = 1\n", "column 12 is outside line 4; its columns are 1 to 6"),
        ("empty.py", b"", "line 4 does not exist; the document has 1 line"),
    ],
)
def test_files_that_cannot_be_filled(run: Run, tmp_path: Path, name: str, data: bytes | None, words: str) -> None:
    file = tmp_path / name
    if data is not None:
        file.write_bytes(data)
    assert run("fill", f"{file}:4:12") == (2, "", f"infill-lsp: {file}: {words}\n")


def test_a_folder_is_no_file(run: Run, tmp_path: Path) -> None:
    assert run("fill", f"{tmp_path}:1:1") == (2, "", f"infill-lsp: {tmp_path}: is a folder, not a file\n")


@pytest.mark.parametrize(
    "place", ["app.py", "app.py:3", "app.py:3:", "app.py:x:1", ":1:1", "", "app.py:1:" + "9" * 5000]
)
def test_places_written_in_another_way(run: Run, place: str) -> None:
    ended = run("fill", place)
    assert ended == (2, "", f"infill-lsp: {place}: neither FILE:LINE:COL, such as app.py:12:5, nor '-'\n")


@pytest.mark.parametrize("name", ["C:\\work\\app.py", "C:app.py", "a:1:2.py"])
def test_a_files_name_may_have_colons(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("# fill 1\nx = \n")
    assert json.loads(run("fill", f"{name}:2:5", "--json").out)["text"] == "1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--n", "0"), "'0' is not a whole number from 1 to 16"),
        (("--n", "many"), "'many' is not a whole number"),
        (("--steps", "-3"), "'-3' is not a whole number"),
        (("--steps", "1e3"), "'1e3' is not a whole number"),
        (("--budget-ms", "nan"), "'nan' is not a time in milliseconds above 0"),
        (("--budget-ms", "0"), "'0' is not a time"),
        (("--to", "5"), "'5' is not LINE:COL, such as 12:5"),
        (("--to", "4:1"), "the gap ends before it starts"),
        (("--to", "99:1"), "line 99 does not exist"),
        (("--device", "abacus"), "invalid choice: 'abacus'"),
        (("--colour", "red"), "unrecognized arguments: --colour red"),
        (("--trace", "/no/such/folder/t.html"), "there is no folder /no/such/folder"),
        (("--language", "klingon"), "there is no language 'klingon'; the known ones are c, cpp"),
    ],
)
def test_flags_that_make_no_sense(run: Run, file: Path, arguments: tuple[str, ...], words: str) -> None:
    ended = run("fill", f"{file}:4:12", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1, "one line"


def test_no_command_and_an_unknown_one(run: Run) -> None:
    for arguments in ((), ("fix",), ("fill",)):
        ended = run(*arguments)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"x = 1\n", "standard input: contains no gap; write <gap> where text should be filled in"),
        (b"x = <gap>\0", "standard input: is binary (byte 9 is NUL); only text can be filled"),
        (b"x = '\xe9<gap>'", "standard input: is not UTF-8 (byte 5 is 0xe9); convert it first"),
        (b"<gap>" * 1_000_001, "standard input: is larger than 5 MB, too large for handwritten code"),
    ],
)
def test_standard_input_that_cannot_be_filled(run: Run, stdin: bytes, words: str) -> None:
    assert run("fill", "-", stdin=stdin) == (2, "", f"infill-lsp: {words}\n")


@pytest.mark.parametrize("flag", [("--apply",), ("--to", "1:1")])
def test_standard_input_has_no_name_and_no_places(run: Run, flag: tuple[str, ...]) -> None:
    ended = run("fill", "-", *flag, stdin=b"x = <gap>")
    assert ended.code == 2
    assert "--apply and --to need a file" in ended.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("app.js", "the model scripted was not trained on JavaScript, only on Python"),
        ("notes.txt", "its name does not tell its language; name one with --language"),
    ],
)
def test_another_language_than_the_models(run: Run, tmp_path: Path, name: str, words: str) -> None:
    file = tmp_path / name
    file.write_text("# fill 1\nx = \n")
    ended = run("fill", f"{file}:2:5", "--apply")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"infill-lsp: {file}: {words}")
    assert ended.err.count("\n") == 1
    assert file.read_text() == "# fill 1\nx = \n"
    assert run("fill", f"{file}:2:5", "--language", "python").code == 0


@pytest.mark.parametrize(
    ("languages", "name", "code"),
    [
        (("javascript", "go"), "app.js", 0),
        (("javascript", "go"), "app.go", 0),
        (("javascript", "go"), "app.py", 2),
        (("javascript", "go"), "notes.txt", 2),
        (("all",), "app.rb", 0),
        (("all",), "notes.txt", 0),
    ],
)
def test_the_model_is_asked_which_languages_it_knows(
    run: Run, tmp_path: Path, languages: tuple[str, ...], name: str, code: int
) -> None:
    file = tmp_path / name
    file.write_text("# fill 1\nx = \n")
    assert run("fill", f"{file}:2:5", flags=("--languages", *languages)).code == code


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ("refuse", 2, "unknown unmask policy 'magic'"),
        ("raise", 1, "An error occurred in the engine: RuntimeError('the script says so')"),
        ("die", 1, "The engine was killed by SIGKILL"),
    ],
)
def test_what_goes_wrong_in_the_engine(run: Run, file: Path, order: str, code: int, words: str) -> None:
    file.write_text(f"# {order}\nx = \n")
    ended = run("fill", f"{file}:2:5", "--apply")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"infill-lsp: {words}")
    assert ended.err.count("\n") == 1
    assert file.read_text() == f"# {order}\nx = \n"


def test_an_engine_that_cannot_load_its_model(run: Run, file: Path) -> None:
    ended = run("fill", f"{file}:4:12", flags=("--refuse-to-load", "model.safetensors\nis cut short"))
    assert ended == (2, "", "infill-lsp: model.safetensors is cut short\n")


def test_ctrl_c_ends_quietly(tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "app.py"
    os.mkfifo(pipe)
    file.write_text(f"# tell {pipe}\nx = \n")
    # A background process of a shell ignores the key, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = start("fill", f"{file}:2:5")
    finally:
        signal.signal(signal.SIGINT, before)
    assert pipe.read_text() == "at work"
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "", "")


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_reader_that_has_seen_enough_is_no_error(file: Path, flags: tuple[str, ...]) -> None:
    process = start("fill", f"{file}:4:12", *flags)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_output_that_cannot_be_written(file: Path) -> None:
    command = [sys.executable, str(FOLDER / "cli_with_fake_engine.py"), "fill", f"{file}:4:12", "--json"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == "infill-lsp: the output cannot be written (No space left on device)\n"


def test_a_terminal_that_cannot_show_a_character(file: Path) -> None:
    process = start("fill", f"{file}:4:12", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    ended = finish(process)
    assert (ended.code, ended.err) == (0, "")
    assert "return 1 + 2" in ended.out


def test_help_is_there_at_once() -> None:
    def once() -> float:
        started = time.perf_counter()
        ended = subprocess.run([sys.executable, "-m", "infill_lsp.cli", "--help"], capture_output=True, check=True)
        assert b"usage: infill-lsp" in ended.stdout
        return time.perf_counter() - started

    assert min(once() for _ in range(5)) < 0.3 * slowness()


def test_help_imports_nothing_that_takes_time() -> None:
    program = (
        "import sys\nfrom infill_lsp.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([it for it in ('torch', 'rich', 'cattrs', 'asyncio', 'tree_sitter') if it in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert ended.stdout.endswith("[]\n")


def test_version(run: Run) -> None:
    ended = run("--version")
    assert ended.code == 0
    assert ended.out.startswith("infill-lsp ")


def test_doctor_says_that_all_is_well(run: Run) -> None:
    ended = run("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert "model               scripted, 0.0 M parameters, for python" in ended.out
    assert "All is well." in ended.out


def test_doctor_in_json(run: Run) -> None:
    report = json.loads(run("doctor", "--json").out)
    assert report["healthy"] is True
    assert report["problems"] == []
    assert report["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert report["versions"]["torch"]
    assert report["model"]["threads"] == 1
    assert report["ready_ms"] > 0
    assert report["round_trip_ms"] > 0
    assert report["self_test"]["text"] == "filled"
    assert report["self_test"]["parses"] is True


def test_doctor_says_what_is_wrong(run: Run) -> None:
    flags = ("--refuse-to-load", "model.safetensors is cut short; fetch it again")
    ended = run("doctor", flags=flags)
    assert (ended.code, ended.err) == (1, "")
    assert "PROBLEM: The engine does not work: model.safetensors is cut short; fetch it again" in ended.out
    assert json.loads(run("doctor", "--json", flags=flags).out)["healthy"] is False


def test_doctor_survives_a_broken_installation() -> None:
    program = (
        "import sys; sys.modules['tree_sitter'] = None\n"
        "from infill_lsp.cli.main import main\n"
        "sys.exit(main(['doctor'], engine=lambda settings: sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *fake_engine.command()]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "PROBLEM: A package is installed but cannot be used: import of tree_sitter" in ended.stdout


@pytest.mark.parametrize("target", [None, ".env", "../outside/.aws/credentials"])
def test_a_file_that_may_hold_secrets_is_refused_unread_whatever_fills(
    run: Run, file: Path, target: str | None
) -> None:
    path = file.with_name("cfg.py" if target else ".env")
    if target:
        path.symlink_to(target)
    else:
        path.mkdir()  # Reading it would be a different error.
    ended = run("fill", f"{path}:1:1", "--language", "python", "--apply")
    assert (ended.code, ended.out) == (2, "")
    assert "may hold secrets" in ended.err
    assert "it is neither read nor filled" in ended.err


def test_a_file_that_holds_a_private_key_is_not_filled(run: Run, file: Path) -> None:
    file.write_text("\ufeff-----BEGIN PRIVATE" + " KEY-----\nabc\n" + file.read_text())
    assert "app.py holds a private key" in run("fill", f"{file}:6:12").err


def test_the_users_configuration_excludes_and_allows_files(
    run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/infill-lsp").mkdir(parents=True)
    config = tmp_path / "config/infill-lsp/config.json"
    config.write_text('{"exclude": ["app.py"]}')
    assert "matches the pattern 'app.py' of your settings" in run("fill", f"{file}:4:12").err
    config.write_text('{"exclude": ["!.env"]}')
    allowed = file.rename(file.with_name(".env"))
    assert run("fill", f"{allowed}:4:12", "--language", "python").code == 0


def test_a_fill_is_fitted_to_its_place_as_an_editors_is(run: Run, file: Path) -> None:
    file.write_text("# fill 1 + 2)  \nprint()\n")
    fill = json.loads(run("fill", f"{file}:2:7", "--json").out)
    assert (fill["text"], fill["parses"]) == ("1 + 2", True)


def test_where_nothing_is_to_be_filled_that_is_said(run: Run, file: Path) -> None:
    file.write_text("# fill 1\nx = \n")
    ended = run("fill", f"{file}:1:4")
    assert (ended.code, ended.out) == (2, "")
    assert "nothing is filled here. The comment continues after the cursor." in ended.err


def test_files_beside_it_are_looked_into_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    other = "def compute_price(item):\n    return item.price\n\n\ntotal = compute_price(item)\n"
    (tmp_path / "other.py").write_text(other)
    file = tmp_path / "app.py"
    file.write_text("# files\nfrom other import compute_price\ntotal = \n")
    assert json.loads(run("fill", f"{file}:3:9", "--json").out)["text"] == "files_2"
    assert json.loads(run("fill", f"{file}:3:9", "--json", "--no-context").out)["text"] == "files_0"
