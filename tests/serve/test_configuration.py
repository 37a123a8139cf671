"""The configuration file for `serve deploy`, and flags that are refused. Ray is not needed for either."""

from pathlib import Path

import pytest

from infill_lsp.cli.main import main
from infill_serve import tokens
from infill_serve.options import ServeOptions

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which transformers and Ray bring along")


def test_a_configuration_has_all_that_the_flags_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tokens.add(Path("tokens"), "ada")
    for name in ("server.pem", "server.key"):
        Path(name).touch()
    flags = (
        "--device cpu --threads 3 --replicas 2-5 --places 7 --queue 9 --rate 1.5 --at-once 4 --body 1000 --seconds 8"
    )
    listening = "--host 0.0.0.0 --port 8123 --tokens tokens --tls-certificate server.pem --tls-key server.key"
    assert main(["serve", "--write-config", "serve.yaml", *flags.split(), *listening.split()]) == 0
    written = yaml.safe_load(Path("serve.yaml").read_text())
    (application,) = written["applications"]
    assert ServeOptions(**application["args"]) == ServeOptions(
        device="cpu",
        threads=3,
        least=2,
        most=5,
        places=7,
        queue=9,
        tokens=str(tmp_path / "tokens"),
        body=1000,
        rate=1.5,
        at_once=4,
        seconds=8,
    )
    http = written["http_options"]
    assert (http["host"], http["port"]) == ("0.0.0.0", 8123)  # noqa: S104  # Only written.
    assert http["ssl_certfile"] == str(tmp_path / "server.pem")
    assert http["ssl_keyfile"] == str(tmp_path / "server.key")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--host", "0.0.0.0"], "Others can reach 0.0.0.0"),  # noqa: S104  # It is refused.
        (["--tls-key", "key.pem"], "need each other"),
        (["--tls-key", "missing", "--tls-certificate", "missing"], "missing: no such file"),
        (["--tokens", "missing"], "missing: cannot be read as tokens"),
    ],
)
def test_what_cannot_be_served_is_not_written(
    flags: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--write-config", "serve.yaml", "--device", "cpu", *flags]) != 0
    assert words in capsys.readouterr().err
    assert not Path("serve.yaml").exists()


def test_anyone_may_ask_if_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--write-config", "serve.yaml", "--device", "cpu", "--host", "0.0.0.0", "--no-token"]) == 0  # noqa: S104  # Only written.
    (application,) = yaml.safe_load(Path("serve.yaml").read_text())["applications"]
    assert application["args"]["tokens"] is None
