"""The files of examples/serving: the systemd unit, and the board of Grafana. Ray is not needed."""

import argparse
import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import infill_serve
from infill_serve import command

EXAMPLES = Path(__file__).parents[2] / "examples/serving"
UNIT = EXAMPLES / "infill.service"
SUFFIXES = {"Counter": {"_total"}, "Gauge": {""}, "Histogram": {"_bucket", "_count", "_sum"}}


def test_the_unit_starts_a_command_that_exists() -> None:
    joined = UNIT.read_text().replace("\\\n", " ")
    (start,) = re.findall(r"^ExecStart=(.*)$", joined, re.MULTILINE)
    program, name, *flags = shlex.split(start)
    assert (Path(program).name, name) == ("infill-lsp", "serve")
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    command.declare(parser)
    chosen = parser.parse_args(flags)
    assert chosen.tokens, "who listens on 0.0.0.0 needs tokens"


def complaints(folder: Path, unit: str) -> list[str]:
    """Return what systemd says of a unit."""
    file = folder / UNIT.name
    file.write_text(unit.replace("/opt/infill/bin/infill-lsp", sys.executable))
    verify = ["systemd-analyze", "verify", "--man=no", str(file)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    return [it for it in done.stderr.splitlines() if UNIT.name in it]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = UNIT.read_text()
    if not complaints(tmp_path, unit.replace("Restart=always", "Restart=sometimes")):
        pytest.skip("systemd-analyze verifies nothing here")
    assert complaints(tmp_path, unit) == []


def defined() -> set[str]:
    """Return the names of the metrics that the code defines, as Prometheus sees them."""
    tree = ast.parse((Path(str(infill_serve.__file__)).parent / "metrics.py").read_text())
    found = set()
    for it in ast.walk(tree):
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and it.func.attr in SUFFIXES:
            found |= {f"ray_{ast.literal_eval(it.args[0])}{suffix}" for suffix in SUFFIXES[it.func.attr]}
    return found


def test_the_board_asks_for_metrics_that_are_defined_and_for_all_that_matter() -> None:
    panels = json.loads((EXAMPLES / "grafana.json").read_text())["panels"]
    asked = {name for it in panels for target in it["targets"] for name in re.findall(r"\bray_\w+", target["expr"])}
    own = {it for it in asked if it.startswith("ray_infill_")}
    assert own <= defined(), own - defined()
    ignored = {it for it in defined() if it.endswith(("_count", "_sum"))}
    assert defined() - ignored <= own, "each is on the board"
