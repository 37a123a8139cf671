"""Cut gaps into held-out code, where a user's cursor may stand, by six rules, with the whole file around them.

The same corpus, count and seed give the same tasks. Every project has an equal share of each kind, and lines are drawn
uniformly within a project. Tests, files that do not parse, docstrings, comments and strings of several lines give no
gap; a comment after code stays in.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise, zip_longest
from pathlib import Path
from typing import Final

from infill_model.data.corpus import CorpusFile, read_corpus
from infill_model.data.sources import Split
from infill_model.errors import TaskError
from infill_model.evaluation.tasks.source import CodeLine, ParsedSource, read_source
from infill_model.evaluation.tasks.tasks import Task

BLOCK_LINES: Final = (2, 6)
"""The minimum and maximum number of lines in a block."""

ATTEMPTS: Final = 400
"""Lines tried for one task before a project counts as exhausted."""

Gap = tuple[int, int]
"""Start and end, in code points of the file."""

Rule = Callable[[ParsedSource, int, random.Random], Sequence[Gap]]
"""The gaps of one task at the code line with the given index; none if the line is unsuitable."""


class _File:
    """A held-out file, parsed when first drawn."""

    def __init__(self, file: CorpusFile) -> None:
        self.file = file

    @cached_property
    def source(self) -> ParsedSource | None:
        return read_source(self.file.text, self.file.language)


@dataclass(frozen=True, slots=True)
class _Project:
    files: Sequence[_File]
    up_to: Sequence[int]
    """The cumulative number of lines of the files, each file included."""

    def draw(self, rng: random.Random) -> _File:
        return rng.choices(self.files, cum_weights=self.up_to)[0]


def heldout_tasks(
    corpus: Path,
    per_kind: int,
    seed: int,
    split: Split = "heldout",
    *,
    language: str = "python",
    kinds: Sequence[str] = (),
) -> list[Task]:
    """Return `per_kind` tasks of each kind from the held-out projects, or as many as can be cut.

    With `split` train they come from the projects trained on, for tuning settings other than the network. `kinds` are
    keys of `RULES`; none for all.

    The kinds take turns, so that the first n tasks have about the same share of each.

    Raises:
        CorpusError: there is no corpus in `corpus`, or it is damaged.
        TaskError: the corpus has no code in this split that a gap could be cut into.
    """
    projects = _projects(corpus, split, language)
    by_kind = []
    for kind in kinds or RULES:
        rng = random.Random(f"{seed} {kind}")  # noqa: S311 - the draw must be repeatable.
        by_kind.append(_tasks(projects, kind, per_kind, rng))
    tasks = [task for turn in zip_longest(*by_kind) for task in turn if task is not None]
    if not tasks:
        raise TaskError(f"{corpus}: the {split} split has no {language} to cut gaps into")
    return tasks


def _projects(corpus: Path, split: Split, language: str) -> dict[str, _Project]:
    files: dict[str, list[_File]] = {}
    for file in read_corpus(corpus, split):
        if file.weight >= 1 and file.language == language:
            files.setdefault(file.project, []).append(_File(file))
    return {
        name: _Project(its, list(accumulate(it.file.text.count("\n") + 1 for it in its)))
        for name, its in sorted(files.items())
    }


def _tasks(projects: Mapping[str, _Project], kind: str, count: int, rng: random.Random) -> list[Task]:
    """Draw tasks from the projects in turn; an exhausted project drops out."""
    tasks: dict[str, Task] = {}
    turns = deque(projects)
    while turns and len(tasks) < count:
        name = turns.popleft()
        task = _task(projects[name], kind, rng, wanted=lambda it: it not in tasks)
        if task is not None:
            tasks[task.task_id] = task
            turns.append(name)
    return list(tasks.values())


def _task(project: _Project, kind: str, rng: random.Random, wanted: Callable[[str], bool]) -> Task | None:
    """Return a task of one project whose id is wanted, or None if too many draws failed."""
    for _ in range(ATTEMPTS):
        drawn = project.draw(rng)
        if drawn.source is None or not drawn.source.lines:
            continue
        gaps = RULES[kind](drawn.source, rng.randrange(len(drawn.source.lines)), rng)
        if not gaps or not all(drawn.source.text[a:b].strip() for a, b in gaps):
            continue
        task = _cut(drawn.file, gaps, kind)
        if wanted(task.task_id):
            return task
    return None


def _cut(file: CorpusFile, gaps: Sequence[Gap], kind: str) -> Task:
    text, start = file.text, gaps[0][0]
    row, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    return Task(
        task_id=f"{kind}/{file.project}/{file.path}:{row}:{column}",
        prefix=text[:start],
        suffix=text[gaps[-1][1] :],
        between=tuple(text[a:b] for (_, a), (b, _) in pairwise(gaps)),
        gold=tuple(text[a:b] for a, b in gaps),
        kind=kind,
        project=file.project,
        block=kind == "block",
        language=file.language,
    )


def _rest_of_line(source: ParsedSource, index: int, rng: random.Random) -> Sequence[Gap]:
    """Return the gap from a cursor after some code, and not within a name, to the end of the line."""
    line = source.lines[index]
    inside = {at for start, end in line.names for at in range(start + 1, end)}
    cursors = [at for at in range(line.start + 1, line.code_end) if at not in inside]
    return [(rng.choice(cursors), line.end)] if cursors else []


def _mid_name(source: ParsedSource, index: int, rng: random.Random) -> Sequence[Gap]:
    """Return the gap from a cursor within a name to the end of the line."""
    line = source.lines[index]
    names = [(start, end) for start, end in line.names if end - start > 1]
    if not names:
        return []
    start, end = rng.choice(names)
    return [(rng.randrange(start + 1, end), line.end)]


def _mid_line(source: ParsedSource, index: int, rng: random.Random) -> Sequence[Gap]:
    """Return a stretch of a line that has code after it."""
    line = source.lines[index]
    if line.code_end - line.start < 2:
        return []
    start, end = sorted(rng.sample(range(line.start, line.code_end), 2))
    return [(start, end)]


def _whole_line(source: ParsedSource, index: int, _: random.Random) -> Sequence[Gap]:
    """Return all of a line except its indentation, which an editor has inserted."""
    line = source.lines[index]
    return [(line.start, line.end)]


def _block(source: ParsedSource, index: int, rng: random.Random) -> Sequence[Gap]:
    """Return some lines, indented no less than the first, that start and end with statements."""
    first = source.lines[index]
    if first.row not in source.first_rows:
        return []
    ends = []
    for line in source.lines[index + 1 : index + BLOCK_LINES[1]]:
        if line.row - first.row >= BLOCK_LINES[1] or _indent(source, line) < _indent(source, first):
            break
        if line.row - first.row + 1 >= BLOCK_LINES[0] and line.row in source.last_rows:
            ends.append(line.end)
    return [(first.start, rng.choice(ends))] if ends else []


def _two_holes(source: ParsedSource, index: int, rng: random.Random) -> Sequence[Gap]:
    """Return two stretches of one line, or one each of two adjacent lines, with text between them."""
    line, following = source.lines[index], source.lines[index + 1 : index + 2]
    if rng.random() < 0.5:
        if line.code_end - line.start < 4:
            return []
        a, b, c, d = sorted(rng.sample(range(line.start, line.code_end + 1), 4))
        return [(a, b), (c, d)] if source.text[b:c].strip() else []
    if not following or following[0].row != line.row + 1:
        return []
    return [_stretch(line, rng), _stretch(following[0], rng)]


def _stretch(line: CodeLine, rng: random.Random) -> Gap:
    start, end = sorted(rng.sample(range(line.start, line.code_end + 1), 2))
    return start, end


def _indent(source: ParsedSource, line: CodeLine) -> int:
    return line.start - source.text.rfind("\n", 0, line.start) - 1


RULES: Final[Mapping[str, Rule]] = {
    "rest_of_line": _rest_of_line,
    "mid_name": _mid_name,
    "mid_line": _mid_line,
    "whole_line": _whole_line,
    "block": _block,
    "two_holes": _two_holes,
}
"""The kinds of gaps, in the order of the table."""
