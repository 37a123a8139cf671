"""Record the details needed to repeat a result: command, code, model, machine.

A record contains names of files, but no path of this machine.
"""

import hashlib
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cattrs

from infill_model.errors import TaskError
from infill_model.request import Options

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Model:
    """The weights that filled, and how they were run; `sha256` is that of model.safetensors."""

    name: str
    sha256: str
    parameters: int
    trained_tokens: int
    device: str
    dtype: str
    threads: int


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """The provenance of a result.

    Attributes:
        command: the command as given.
        commit: of the code, with `-dirty` if it was changed since; empty outside a checkout.
        machine: processor, cores and system in words.
        model: None if no model took part.
        seconds: the time it took.
    """

    command: str
    commit: str
    machine: str
    model: Model | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PredictionRun:
    """The provenance of predictions, stored beside them as `<name>.run.json`.

    Attributes:
        method: the method's name in tables.
        tasks: SHA-256 of the task file.
        options: the options used to fill the gaps.
    """

    method: str
    tasks: str
    options: Options
    record: ResultRecord

    def write_beside(self, predictions: Path) -> None:
        """Write the run beside its predictions.

        Raises:
            TaskError: the file cannot be written.
        """
        write_text(_beside(predictions), to_json(self))

    @classmethod
    def beside(cls, predictions: Path, tasks: str) -> "PredictionRun | None":
        """Read how predictions were made; None for predictions of another program.

        Raises:
            TaskError: the run is damaged, or its task file did not have the SHA-256 `tasks`.
        """
        path = _beside(predictions)
        try:
            run = cattrs.structure(json.loads(path.read_text(encoding="utf-8")), cls)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, cattrs.BaseValidationError) as error:
            raise TaskError(f"{path}: damaged; delete it, or evaluate again") from error
        if run.tasks != tasks:
            raise TaskError(f"{predictions}: made for another task file, or for an earlier state of it")
        return run


def _beside(predictions: Path) -> Path:
    return predictions.with_name(f"{predictions.name.removesuffix('.jsonl')}.run.json")


def record(
    arguments: Sequence[str], model: Model | None = None, seconds: float = 0.0, *, program: str = "infill-model"
) -> ResultRecord:
    """Return the record of a run of a program with these arguments on this machine."""
    return ResultRecord(command(arguments, program), commit(), machine(), model, round(seconds, 1))


def command(arguments: Sequence[str], program: str = "infill-model") -> str:
    """Return the command line, with absolute paths reduced to their last part."""
    return shlex.join([program, *(Path(it).name if Path(it).is_absolute() else it for it in arguments)])


def commit() -> str:
    """Return the commit of the checkout this code runs from."""
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine() -> str:
    """Describe the processor, its cores and the system, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_json(value: "DataclassInstance") -> str:
    """Return a dataclass as human-readable JSON."""
    return json.dumps(asdict(value), indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file of results.

    Raises:
        TaskError: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TaskError(f"{path}: cannot be written ({error.strerror})") from error
