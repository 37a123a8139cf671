"""Evaluation tasks: gaps in code with, where known, the original text and a program that tests it.

A task file has one JSON object per line (`.jsonl`, or `.jsonl.gz`): `task_id`, `prefix` (or `prompt`), `suffix`, and
`between` for several gaps. The fields `gold` (or `canonical_solution`), `kind`, `project`, `block`, `test`,
`entry_point`, `split` and `language` are optional, so the files of HumanEval-Infilling can be read unchanged.

Normalisation of whole-line gaps. In HumanEval-Infilling's line splits and similar ones a gap is whole lines: the prompt
ends where a line starts, the suffix starts with the next line, and the gold includes its own indentation and newline.
An editor has an empty line there instead, and so does the request: its suffix starts with a newline, and the completion
gets one at its end. Nothing else is changed, no indentation is given away, and no completion is trimmed. The rule
depends on the text only (`Task.takes_whole_lines`), not on the benchmark.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from infill_model.errors import TaskError
from infill_model.request import Request

_BLOCK_KINDS: Final = frozenset({"block", "MultiLineInfilling", "RandomSpanInfilling", "RandomSpanInfillingLight"})
"""Kinds of gaps that may span several lines."""

_STATEMENT: Final = re.compile(
    r"(async|class|def|elif|else|for|from|if|import|print|return|try|while|with)\b|[@#]|\w+ *[-+*/]?= *"
)
"""The beginnings of an unindented line that is a whole line and not the rest of one."""


@dataclass(frozen=True, slots=True)
class Task:
    """One or several gaps in a file.

    Attributes:
        task_id: unique in its file.
        prefix: all text before the first gap.
        suffix: all text after the last gap.
        between: the text between each two neighbouring gaps.
        gold: the original text of each gap; empty when unknown.
        kind: how the gap was cut; the table has a row for each.
        project: the project of the code; empty when unknown.
        block: whether several lines are requested.
        test: code that fails if the filled code is wrong; None if there is none.
        entry_point: the name that `test` checks, if `test` defines `check(candidate)`.
        split: the part of the benchmark.
        language: the LSP language id.
    """

    task_id: str
    prefix: str
    suffix: str
    between: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    kind: str = ""
    project: str = ""
    block: bool = False
    test: str | None = None
    entry_point: str | None = None
    split: str = ""
    language: str = "python"

    @property
    def gaps(self) -> int:
        """The number of gaps."""
        return len(self.between) + 1

    @property
    def takes_whole_lines(self) -> bool:
        """Whether the gap goes from the start of a line to the start of the next, so that its text ends with a newline.

        Only Python benchmarks cut gaps this way. The suffix starts with a whole line, not the rest of one, if it is
        indented by four or more, or no less than the least indented of the other indented lines; or if it is not
        indented and begins as statements do. Of the rows whose prompt ends at the start of a line, this is wrong for 2
        of 4025 in MBPP, none of 5209 in the line splits and 13 of 76 in the random spans of HumanEval-Infilling.
        """
        line = self.suffix.split("\n", 1)[0]
        if (
            self.language != "python"
            or self.between
            or not line.strip()
            or (self.prefix and not self.prefix.endswith("\n"))
        ):
            return False
        if not _indentation(line):
            return _STATEMENT.match(line) is not None
        others = f"{self.prefix}{self.suffix[len(line) :]}".split("\n")
        least = min(filter(None, map(_indentation, others)), default=1)
        return _indentation(line) >= min(4, least)

    def request(self) -> Request:
        """Return the request to the model."""
        suffix = f"\n{self.suffix}" if self.takes_whole_lines else self.suffix
        return Request(
            prefix=self.prefix, suffix=suffix, between=self.between, language=self.language, block=self.block
        )

    def completions(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return the texts of a fill as they stand in the gaps: prefix + completion + suffix is the file."""
        return (f"{texts[0]}\n",) if self.takes_whole_lines else tuple(texts)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The texts of the fill that equals the gold: `completions` turns them into the gold."""
        return (self.gold[0].removesuffix("\n"),) if self.gold and self.takes_whole_lines else self.gold

    def filled(self, completions: Sequence[str]) -> str:
        """Return the whole text with its gaps filled."""
        pieces = [self.prefix, completions[0]]
        for text, completion in zip(self.between, completions[1:], strict=True):
            pieces += [text, completion]
        return "".join([*pieces, self.suffix])

    def program(self, completions: Sequence[str]) -> str | None:
        """Return the filled code followed by its test, or None if there is no test."""
        if self.test is None:
            return None
        check = f"\ncheck({self.entry_point})" if self.entry_point else ""
        return f"{self.filled(completions)}\n{self.test}{check}"


def _indentation(line: str) -> int:
    """Return the number of leading white-space characters; 0 for a blank line."""
    return len(line) - len(line.lstrip(" \t")) if line.strip() else 0


def read_tasks(path: Path, *, split: str | None = None, limit: int | None = None) -> list[Task]:
    """Read the tasks of a file, in its order.

    Args:
        path: `.jsonl` or `.jsonl.gz`.
        split: read only the rows of this `split`.
        limit: maximum number of tasks.

    Raises:
        TaskError: the file cannot be read, a row is not a task, an id occurs twice, or no task is left.
    """
    tasks: list[Task] = []
    seen: set[str] = set()
    for number, row in read_rows(path):
        task = _task(row, f"{path}:{number}")
        if task.task_id in seen:
            raise TaskError(f"{path}:{number}: the task_id {task.task_id!r} occurs twice")
        seen.add(task.task_id)
        if split is None or task.split == split:
            tasks.append(task)
        if limit is not None and len(tasks) >= limit:
            break
    if not tasks:
        raise TaskError(f"{path}: contains no task" + (f" with the split {split!r}" if split else ""))
    return tasks


def write_tasks(tasks: Iterable[Task], path: Path) -> None:
    """Write a task file that `read_tasks` reads; the same tasks give the same bytes.

    Raises:
        TaskError: the file cannot be written.
    """
    content = "".join(f"{json.dumps(_row(it))}\n" for it in tasks).encode()
    try:
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    except OSError as error:
        raise TaskError(f"{path}: cannot write the tasks ({error.strerror})") from error


def _row(task: Task) -> dict[str, object]:
    values = {field.name: (getattr(task, field.name), field.default) for field in fields(task)}
    return {name: value for name, (value, default) in values.items() if value != default or name == "block"}


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the JSON objects of a file with their line numbers, from 1; blank lines are skipped.

    Raises:
        TaskError: the file cannot be read, or a line is not a JSON object.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = content.decode("utf-8").split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TaskError(f"{path}: cannot be read ({reason})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise TaskError(f"{path}:{number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise TaskError(f"{path}:{number}: must be a JSON object, not {type(row).__name__}")
        yield number, row


def _task(row: dict[str, object], where: str) -> Task:
    task_id = _text(row, "task_id", where)
    between = texts(row.get("between", []), "between", where)
    gold = texts(row.get("gold", row.get("canonical_solution", [])), "gold", where)
    if gold and len(gold) != len(between) + 1:
        raise TaskError(f"{where}: there are {len(between) + 1} gaps and {len(gold)} golds")
    kind = _text(row, "kind", where, default=task_id.split("/", 1)[0] if "/" in task_id else "")
    block = row.get("block", kind in _BLOCK_KINDS)
    if not isinstance(block, bool):
        raise TaskError(f"{where}: 'block' must be true or false")
    return Task(
        task_id=task_id,
        prefix=_text(row, "prefix" if "prefix" in row or "prompt" not in row else "prompt", where),
        suffix=_text(row, "suffix", where),
        between=between,
        gold=gold,
        kind=kind,
        project=_text(row, "project", where, default=""),
        block=block,
        test=_text(row, "test", where) if row.get("test") is not None else None,
        entry_point=_text(row, "entry_point", where) if row.get("entry_point") is not None else None,
        split=_text(row, "split", where, default=""),
        language=_text(row, "language", where, default="python"),
    )


def _text(row: dict[str, object], field: str, where: str, default: str | None = None) -> str:
    value = row.get(field, default)
    if value is None:
        raise TaskError(f"{where}: the field {field!r} is missing")
    if not isinstance(value, str):
        raise TaskError(f"{where}: {field!r} must be a string")
    return value


def texts(value: object, field: str, where: str) -> tuple[str, ...]:
    """Return a string or a list of strings as a tuple.

    Raises:
        TaskError: the value is neither.
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(it, str) for it in value):
        return tuple(value)
    raise TaskError(f"{where}: {field!r} must be a string or a list of strings")
