"""What a result must say so that others can repeat it: command, code, model, machine.

No path of this machine goes into a record, only names of files. It knows nothing of tasks or scores.
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
    """Which weights filled, and how they were run; `sha256` is that of model.safetensors."""

    name: str
    sha256: str
    parameters: int
    trained_tokens: int
    device: str
    dtype: str
    threads: int


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """How something was made.

    Attributes:
        command: as it was given.
        commit: of the code, with `-dirty` when it was changed since; empty outside a checkout.
        machine: processor, cores and system in words.
        model: None when no model had a part in it.
        seconds: how long it took.
    """

    command: str
    commit: str
    machine: str
    model: Model | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PredictionRun:
    """How predictions were made; it lies beside them as `<name>.run.json`.

    Attributes:
        method: what tables call it.
        tasks: SHA-256 of the task file.
        options: that the gaps were filled with.
    """

    method: str
    tasks: str
    options: Options
    record: ResultRecord

    def write_beside(self, predictions: Path) -> None:
        """Write the run beside its predictions.

        Raises:
            TaskError: it cannot be written.
        """
        write_text(_beside(predictions), to_json(self))

    @classmethod
    def beside(cls, predictions: Path, tasks: str) -> "PredictionRun | None":
        """Read how predictions were made; None when they are another program's.

        Raises:
            TaskError: the run is damaged, or it was not of the task file with the SHA-256 `tasks`.
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
    """The record of a run of a program with these arguments, here and now."""
    return ResultRecord(command(arguments, program), commit(), machine(), model, round(seconds, 1))


def command(arguments: Sequence[str], program: str = "infill-model") -> str:
    """The command line, with absolute paths cut down to their last part."""
    return shlex.join([program, *(Path(it).name if Path(it).is_absolute() else it for it in arguments)])


def commit() -> str:
    """The commit of the checkout this code runs from."""
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine() -> str:
    """The processor, its cores and the system, in words."""
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
    """Of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_json(value: "DataclassInstance") -> str:
    """A dataclass as JSON for people."""
    return json.dumps(asdict(value), indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file of results.

    Raises:
        TaskError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TaskError(f"{path}: cannot be written ({error.strerror})") from error
