"""Measure how much excerpts of other files help on held-out code: none, in the window, as copies, or both.

`python tests/lsp/measure_context.py CORPUS TASKS` writes the held-out projects into a folder as workspaces and reports
exact match. The excerpts of each task are those of a `Workspace` with `--open` files open beside the task's file. It is
not a test: it takes minutes and asserts nothing.
"""

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infill_lsp.context import Workspace
from infill_lsp.context.sources import Sources
from infill_lsp.context.workspace import BUDGET
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_model.data.corpus import read_corpus
from infill_model.evaluation.judging.metrics import exact_match
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.infill import retrieval
from infill_model.infill.infiller import Infiller
from infill_model.request import Fill, Options, Request

MODES = {"none": (0.0, 0), "window": (0.25, 0), "copies": (0.0, 2), "both": (0.25, 2)}
"""How the excerpts are used: their share of the window, and the number of copies from them that are considered."""

BATCH = 15


def write_projects(corpus: Path, folder: Path) -> None:
    """Write the held-out projects as folders, rejoining the pieces that deduplication left of a file."""
    pieces = defaultdict(list)
    for file in read_corpus(corpus, "heldout"):
        pieces[folder / file.project / file.path].append(file.text)
    for path, texts in pieces.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(texts), encoding="utf-8")


def excerpts(task: Task, folder: Path, opened: int, budget: int) -> tuple[str, ...]:
    """Return the excerpts that the workspace has ready for a task's gap."""
    root = folder / task.project
    path = root / task.task_id.removeprefix(f"{task.kind}/{task.project}/").rsplit(":", 2)[0]
    python = languages.by_id("python")
    workspace = Workspace([root])
    for it in reversed(Sources([root], []).neighbours(path, opened)):
        workspace.opened(Document(str(it), it.read_text(encoding="utf-8"), python))
    document = Document(str(path), task.prefix + "".join((*task.gold[:1], *task.between)) + task.suffix, python)
    document = document.edited(len(task.prefix), len(task.prefix) + len(task.gold[0]), "")
    workspace.excerpts(document, len(task.prefix), budget)
    workspace.settle()
    found = workspace.excerpts(document, len(task.prefix), budget)
    workspace.close()
    return found


def fills(infiller: Infiller, requests: Sequence[Request], options: Options) -> list[Fill]:
    batches = (requests[at : at + BATCH] for at in range(0, len(requests), BATCH))
    return [fill for batch in batches for fill in infiller.fill_batch(batch, options)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what excerpts of other files are worth.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--kind", default="rest_of_line")
    parser.add_argument("--limit", type=int, default=150)
    parser.add_argument("--open", type=int, default=5, help="files beside the task's that are open")
    parser.add_argument("--budget", type=int, default=BUDGET, help="characters of excerpts")
    parser.add_argument("--no-copies", action="store_true", help="the network alone")
    parser.add_argument("--modes", default=",".join(MODES))
    arguments = parser.parse_args()
    infiller = Infiller.load(threads=1)
    tasks = [it for it in read_tasks(arguments.tasks) if it.kind == arguments.kind]
    random.Random(1).shuffle(tasks)
    tasks = tasks[: arguments.limit]
    with tempfile.TemporaryDirectory() as folder:
        write_projects(arguments.corpus, Path(folder))
        files = [excerpts(it, Path(folder), arguments.open, arguments.budget) for it in tasks]
    print(f"{len(tasks)} tasks, {sum(map(bool, files))} with excerpts")
    options = Options(retrieve=not arguments.no_copies)
    right: dict[str, list[bool]] = {}
    texts: dict[str, list[tuple[str, ...]]] = {}
    for mode in arguments.modes.split(","):
        infiller.layout.window.other_file, retrieval.MOST_FOREIGN = MODES[mode]
        given = files if mode != "none" else [()] * len(tasks)
        asked = [replace(it.request(), files=its) for it, its in zip(tasks, given, strict=True)]
        started = time.perf_counter()
        done = fills(infiller, asked, options)
        right[mode] = [exact_match(it.completions(fill.texts), it.gold) for it, fill in zip(tasks, done, strict=True)]
        texts[mode] = [it.texts for it in done]
        other = sum(a != b for a, b in zip(texts[mode], next(iter(texts.values())), strict=True))
        took = (time.perf_counter() - started) / len(tasks)
        print(f"{mode}: {_compared(right[mode], next(iter(right.values())))}, {other} other fills, {took:.2f} s")


def _compared(now: Sequence[bool], first: Sequence[bool]) -> str:
    gained, lost = (sum(a > b for a, b in zip(*pair, strict=True)) for pair in ((now, first), (first, now)))
    return f"{sum(now)} exact ({sum(now) / len(now):.1%}), +{gained} -{lost} against the first mode"


if __name__ == "__main__":
    main()
